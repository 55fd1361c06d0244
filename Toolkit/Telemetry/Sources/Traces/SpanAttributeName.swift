/// The names of attributes that the toolkit sets: those of OpenTelemetry's semantic conventions 1.45, and our own.
///
/// No other attribute is exported, unless an operator permits it by name: requests' paths, ids of orders and people, texts
/// of errors and bodies stay in the process.
package enum SpanAttributeName: String, Sendable, CaseIterable {
    /// The conventions' version, as collectors name it.
    package static let schema = "https://opentelemetry.io/schemas/1.45.0"

    case dbOperationName = "db.operation.name"
    case dbSystemName = "db.system.name"
    case errorType = "error.type"
    case exceptionType = "exception.type"
    case httpRequestMethod = "http.request.method"
    case httpResponseStatusCode = "http.response.status_code"
    case httpRoute = "http.route"
    case messagingBatchMessageCount = "messaging.batch.message_count"
    case messagingConsumerGroupName = "messaging.consumer.group.name"
    case messagingDestinationName = "messaging.destination.name"
    case messagingOperationName = "messaging.operation.name"
    case messagingOperationType = "messaging.operation.type"
    case messagingSystem = "messaging.system"
    case rpcMethod = "rpc.method"
    case rpcResponseStatusCode = "rpc.response.status_code"
    case rpcSystemName = "rpc.system.name"
    /// The name of the service that is called: not that of an instance.
    case serverAddress = "server.address"
    case urlScheme = "url.scheme"

    /// How often a call was attempted, when it was more than once.
    case attempts = "martlet.attempts"
    /// What a consumer did with an event.
    case decision = "martlet.inbox.decision"
    /// The id of a workflow's run, by which operators find it.
    case workflowRun = "martlet.workflow.run"
    /// The workflow's name.
    case workflow = "martlet.workflow"
    case workflowStep = "martlet.workflow.step"
}
