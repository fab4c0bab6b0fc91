# Finds a Python that Odoo 19.0 supports and makes virtual environments with it.
# shellcheck shell=bash

# python_works COMMAND: whether it is a Python from 3.10 to 3.13.
python_works() {
    have "$1" && "$1" -c '
import sys
sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

# find_python: print the path of the best Python; 3.11 is the one tried most.
find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.10 python3.13 python3; do
        if python_works "$name"; then
            "$name" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

# ensure_python: set PYTHON_BIN, installing Python when there is none.
ensure_python() {
    if ! PYTHON_BIN=$(find_python); then
        can_install || die "Odoo 19.0 needs Python 3.10 to 3.13: install one, or set PYTHON to its path."
        install_packages python3 python3-venv
        PYTHON_BIN=$(find_python) ||
            die "Odoo 19.0 needs Python 3.10 to 3.13, and this system's is another version: set PYTHON to the path of one that fits."
    fi
    say "Python: $("$PYTHON_BIN" -V | cut -d ' ' -f 2) ($PYTHON_BIN)."
}

# venv_path PREFIX FILE...: where the environment with these requirements belongs.
venv_path() {
    local prefix=$1
    shift
    local key
    key=$({
        cat "$@"
        "$PYTHON_BIN" -c 'import sys; print(sys.version, sys.base_prefix)'
    } | short_hash)
    printf '%s/%s-%s' "$CACHE_DIR" "$prefix" "$key"
}

# venv_ready FOLDER: whether it was finished and its Python still starts.
venv_ready() {
    [ -e "$1/.done" ] && "$1/bin/python" -c '' 2>/dev/null
}

# build_venv FOLDER FILE...: make it from nothing, unless another run just did.
build_venv() {
    local venv=$1 file
    shift
    ! venv_ready "$venv" || return 0
    rm -rf "$venv"
    if ! "$PYTHON_BIN" -c 'import ensurepip, venv' 2>/dev/null; then
        install_venv_module
    fi
    "$PYTHON_BIN" -m venv "$venv"
    for file in "$@"; do
        set -- "$@" -r "$file"
        shift
    done
    quietly "$CACHE_DIR/log/$(basename "$venv").log" "$venv/bin/python" -m pip install \
        --disable-pip-version-check --no-input --prefer-binary "$@"
    touch "$venv/.done"
}

install_venv_module() {
    local version
    version=$("$PYTHON_BIN" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    can_install || die "Python's module venv is missing: install the package python$version-venv."
    install_packages "python$version-venv"
}

# ensure_venv: set VENV to the environment that runs Odoo and its tests.
ensure_venv() {
    local files=("$DEV_DIR/requirements-odoo.txt" "$DEV_DIR/requirements-test.txt")
    VENV=$(venv_path venv "${files[@]}")
    if ! venv_ready "$VENV"; then
        say "Installing Odoo's Python requirements; this takes about a minute."
        with_lock "$(basename "$VENV")" build_venv "$VENV" "${files[@]}"
    fi
    say "Python environment: $VENV."
}
