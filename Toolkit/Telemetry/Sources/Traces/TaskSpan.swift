import Tracing

/// A span that an author of a service has begun; recorded or not.
struct TaskSpan: Span {
    let span: ServiceSpan?
    let context: InstrumentationContext

    var isRecording: Bool { span?.isRecording ?? false }

    var operationName: String {
        get { span?.operationName ?? "" }
        nonmutating set { span?.operationName = newValue }
    }

    var attributes: SpanAttributes {
        get { span?.attributes ?? [:] }
        nonmutating set { span?.attributes = newValue }
    }

    func setStatus(_ status: SpanStatus) { span?.setStatus(status) }
    func addEvent(_ event: SpanEvent) { span?.addEvent(event) }
    func addLink(_ link: SpanLink) { span?.addLink(link) }

    func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) { span?.recordError(error, attributes: attributes, at: instant()) }

    /// At the time of the service's own clocks: `instant` is of another one.
    func end<Instant: TracerInstant>(at instant: @autoclosure () -> Instant) { span?.end() }
}
