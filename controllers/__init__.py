from . import portal
from . import payment
from . import rpc
