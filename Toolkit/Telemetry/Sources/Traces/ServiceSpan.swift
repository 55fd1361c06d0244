package import MartletCore
import Synchronization
import Tracing

/// A span of one service while it is recorded.
///
/// It is exported when it ends; what comes later does not count.
package final class ServiceSpan: Sendable {
    /// Of one span; the rest is dropped and counted.
    static let attributesLimit = 64
    static let eventsLimit = 16
    static let linksLimit = 128
    /// Of a name or a text, in bytes.
    static let textBytesLimit = 500

    private struct State {
        var name: String
        var attributes: [EndedSpan.Attribute] = []
        var events: [EndedSpan.Event] = []
        var links: [TraceContext]
        var status = EndedSpan.Status.unset
        var dropped = EndedSpan.Dropped()
        var isEnded = false
    }

    /// Its own place.
    package let trace: TraceContext
    let context: InstrumentationContext
    private let parent: UInt64?
    private let kind: EndedSpan.Kind
    private let startMoment: Moment
    private let startNanoseconds: UInt64
    let tracer: ServiceTracer
    private let spans: SpanBuffer
    private let state: Mutex<State>

    init(
        _ name: String,
        _ kind: EndedSpan.Kind,
        trace: TraceContext,
        parent: UInt64?,
        links: [TraceContext],
        tracer: ServiceTracer,
        spans: SpanBuffer
    ) {
        self.trace = trace
        self.parent = parent
        self.kind = kind
        self.tracer = tracer
        self.spans = spans
        var context = InstrumentationContext.topLevel
        context[TraceContextKey.self] = trace
        self.context = context
        startMoment = tracer.runtime.time.now
        startNanoseconds = tracer.wallNanoseconds
        var state = State(name: name, links: Array(links.prefix(Self.linksLimit)))
        state.dropped.links = links.count - state.links.count
        self.state = Mutex(state)
    }

    // MARK: For the toolkit

    /// The span's name, of a small set.
    package var operationName: String {
        get { state.withLock { $0.name } }
        set { state.withLock { $0.name = newValue } }
    }

    package func set(_ name: SpanAttributeName, _ value: String) { set(name.rawValue, .string(value)) }

    package func set(_ name: SpanAttributeName, _ value: Int) { set(name.rawValue, .int64(Int64(value))) }

    /// Marks the span as failed.
    ///
    /// - Parameter type: Of a small set, as a fault's reason; never a text.
    package func fail(_ type: String) {
        set(.errorType, type)
        state.withLock { $0.status = .error }
    }

    /// Ends the span; with an error, as failed.
    package func end(_ error: (any Error)?) {
        if let error { fail(Self.type(of: error)) }
        end()
    }

    package func end() { finish(at: startNanoseconds &+ UInt64(max(0, elapsed))) }

    private var elapsed: Int64 { (tracer.runtime.time.now - startMoment).nanosecondsClamped }

    /// A fault's reason, the name of the type otherwise.
    static func type(of error: any Error) -> String {
        switch error {
        case let error as any FaultConvertible: error.fault.reason.name
        case is CancellationError: Reason.cancelled.name
        default: "\(Swift.type(of: error))"
        }
    }

    private func finish(at end: UInt64) {
        let ended = state.withLock { state -> EndedSpan? in
            guard !state.isEnded else { return nil }
            state.isEnded = true
            return EndedSpan(
                service: tracer.service,
                trace: trace,
                parent: parent,
                name: Self.cut(state.name),
                kind: kind,
                startNanoseconds: startNanoseconds,
                endNanoseconds: max(end, startNanoseconds),
                attributes: state.attributes,
                events: state.events,
                links: state.links,
                status: state.status,
                dropped: state.dropped
            )
        }
        if let ended { spans.add(ended) }
    }

    // MARK: Limits

    private func set(_ name: String, _ value: SpanAttribute) {
        let attribute = EndedSpan.Attribute(name: name, value: Self.cut(value))
        state.withLock { state in
            if let index = state.attributes.firstIndex(where: { $0.name.utf8.elementsEqual(name.utf8) }) {
                state.attributes[index] = attribute
            } else if state.attributes.count < Self.attributesLimit {
                state.attributes.append(attribute)
            } else {
                state.dropped.attributes += 1
            }
        }
    }

    /// The permitted attributes, sorted by name.
    private func permitted(_ attributes: SpanAttributes) -> [EndedSpan.Attribute] {
        var permitted: [EndedSpan.Attribute] = []
        func keep(_ name: String, _ value: SpanAttribute) {
            if tracer.permits(name) { permitted.append(EndedSpan.Attribute(name: name, value: Self.cut(value))) }
        }
        attributes.forEach(keep)
        return Array(permitted.sorted { $0.name < $1.name }.prefix(Self.attributesLimit))
    }

    private func add(_ event: EndedSpan.Event) {
        state.withLock { state in
            if state.events.count < Self.eventsLimit {
                state.events.append(event)
            } else {
                state.dropped.events += 1
            }
        }
    }

    private static func cut(_ value: SpanAttribute) -> SpanAttribute {
        switch value {
        case .string(let text): .string(cut(text))
        case .stringArray(let texts): .stringArray(texts.map(cut))
        case .stringConvertible(let value): .string(cut("\(value)"))
        case .stringConvertibleArray(let values): .stringArray(values.map { cut("\($0)") })
        default: value
        }
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > textBytesLimit else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: textBytesLimit)
        // Never in the middle of a character.
        while String.Index(end, within: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text.unicodeScalars[..<end])
    }
}

// What authors of services set through swift-distributed-tracing.
extension ServiceSpan {
    var isRecording: Bool { state.withLock { !$0.isEnded } }

    var attributes: SpanAttributes {
        get {
            var attributes = SpanAttributes()
            for attribute in state.withLock({ $0.attributes }) {
                attributes.set(attribute.name, value: attribute.value)
            }
            return attributes
        }
        set {
            let permitted = permitted(newValue)
            state.withLock { state in
                state.attributes = permitted
                state.dropped.attributes += newValue.count - permitted.count
            }
        }
    }

    /// Without the message, which may contain anything.
    func setStatus(_ status: SpanStatus) {
        state.withLock { $0.status = status.code == .error ? .error : .ok }
    }

    func addEvent(_ event: SpanEvent) {
        add(
            EndedSpan.Event(
                name: Self.cut(event.name),
                nanoseconds: event.nanosecondsSinceEpoch,
                attributes: permitted(event.attributes)
            )
        )
    }

    /// By its type: its text may contain anything.
    func recordError<Instant: TracerInstant>(
        _ error: any Error,
        attributes: SpanAttributes,
        at instant: @autoclosure () -> Instant
    ) {
        let type = EndedSpan.Attribute(
            name: SpanAttributeName.exceptionType.rawValue,
            value: .string(Self.type(of: error))
        )
        add(
            EndedSpan.Event(
                name: "exception",
                nanoseconds: tracer.wallNanoseconds,
                attributes: [type] + permitted(attributes)
            )
        )
    }

    func addLink(_ link: SpanLink) {
        guard let trace = link.context[TraceContextKey.self] else { return }
        state.withLock { state in
            if state.links.count < Self.linksLimit { state.links.append(trace) } else { state.dropped.links += 1 }
        }
    }
}

/// Our place in a trace, in the context of swift-distributed-tracing.
enum TraceContextKey: InstrumentationContextKey {
    typealias Value = TraceContext

    static var nameOverride: String? { "martlet.trace" }
}
