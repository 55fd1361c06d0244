"""The suites, in the order in which they run."""

from .connections import Connections
from .http1 import HTTP1
from .http2 import HTTP2
from .json_bodies import JSONBodies
from .limits import RequestLimits
from .openapi import OpenAPI
from .tokens import Tokens

ALL = (HTTP1(), HTTP2(), JSONBodies(), Tokens(), RequestLimits(), Connections(), OpenAPI())
