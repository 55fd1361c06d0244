package import MartletCore
import Tracing

/// A span that has ended, as it is exported.
package struct EndedSpan: Sendable {
    /// By their numbers in OTLP.
    package enum Kind: UInt64, Sendable {
        case `internal` = 1
        case server, client, producer, consumer
    }

    enum Status: UInt64, Sendable {
        case unset, ok, error
    }

    struct Attribute: Sendable {
        let name: String
        let value: SpanAttribute
    }

    struct Event: Sendable {
        let name: String
        /// Since 1970.
        let nanoseconds: UInt64
        let attributes: [Attribute]
    }

    /// Attributes, events and links that are not exported: they are over a limit, or not permitted.
    struct Dropped: Sendable {
        var attributes = 0
        var events = 0
        var links = 0
    }

    package let service: String
    package let trace: TraceContext
    /// The bits of the span above it; `nil` at the top of its trace.
    package let parent: UInt64?
    package let name: String
    package let kind: Kind
    /// Since 1970.
    let startNanoseconds: UInt64
    let endNanoseconds: UInt64
    let attributes: [Attribute]
    let events: [Event]
    /// The spans, mostly of other traces, that caused this one.
    package let links: [TraceContext]
    let status: Status
    let dropped: Dropped

    package var isFailed: Bool { status == .error }

    /// The value of an attribute as text; `nil` without it.
    package func text(_ name: SpanAttributeName) -> String? {
        switch attributes.first(where: { $0.name.utf8.elementsEqual(name.rawValue.utf8) })?.value {
        case .string(let text): text
        case .int64(let number): "\(number)"
        default: nil
        }
    }
}
