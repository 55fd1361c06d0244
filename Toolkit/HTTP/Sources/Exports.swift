// The heads of requests and responses: who handles raw requests imports this module alone.
@_exported public import HTTPTypes
