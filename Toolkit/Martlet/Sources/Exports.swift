// What an author of services needs, as one import. Tests import `MartletTesting` and `MartletTestBench` beside it; a program
// of one service imports `MartletDaemon` instead.
@_exported public import MartletConfig
@_exported public import MartletContract
@_exported public import MartletCore
@_exported public import MartletEventSourcing
@_exported public import MartletHTTP
@_exported public import MartletHost
@_exported public import MartletMessaging
@_exported public import MartletOutbox
@_exported public import MartletResilience
@_exported public import MartletSQL
@_exported public import MartletTelemetry
@_exported public import MartletWorkflows
