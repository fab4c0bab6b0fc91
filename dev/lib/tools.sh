# The browser for the browser tests and the program that prints reports.
# shellcheck shell=bash

find_browser() {
    local name
    for name in google-chrome chromium chromium-browser google-chrome-stable; do
        if have "$name"; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

ensure_browser() {
    local browser
    if ! browser=$(find_browser); then
        can_install || die "The browser tests need Chromium: install it."
        install_packages chromium
        browser=$(find_browser) || die "The browser tests need Chromium: install it."
    fi
    say "Browser: $browser."
}

# wkhtmltopdf has left the newer suites; only printed reports need it.
ensure_wkhtmltopdf() {
    if ! have wkhtmltopdf && can_install; then
        refresh_lists
        ! has_package wkhtmltopdf || install_packages wkhtmltopdf
    fi
    if have wkhtmltopdf; then
        say "Report printer: $(command -v wkhtmltopdf)."
    else
        warn "wkhtmltopdf is missing and this system does not offer it: reports cannot be printed as PDF."
    fi
}
