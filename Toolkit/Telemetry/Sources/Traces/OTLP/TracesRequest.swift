import MartletCore
import Tracing

/// The body of an export of spans: `opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest`.
///
/// By hand: the messages are eleven, of which only fields are written that have not changed since OTLP 1.0.
package struct TracesRequest: Sendable {
    package let bytes: [UInt8]

    /// - Parameters:
    ///   - spans: In any order; those of one service become one resource.
    ///   - instance: The name of this process among the replicas of its services.
    package init(_ spans: [EndedSpan], instance: String) {
        var services: [(name: String, spans: [EndedSpan])] = []
        for span in spans {
            if let index = services.firstIndex(where: { $0.name.utf8.elementsEqual(span.service.utf8) }) {
                services[index].spans.append(span)
            } else {
                services.append((span.service, [span]))
            }
        }
        var request = ProtoWriter()
        for service in services {
            request.message(1) { resourceSpans in
                resourceSpans.message(1) { resource in
                    resource.attribute(1, name: "service.name", .string(service.name))
                    resource.attribute(1, name: "service.instance.id", .string(instance))
                    resource.attribute(1, name: "telemetry.sdk.name", .string("martlet"))
                    resource.attribute(1, name: "telemetry.sdk.language", .string("swift"))
                }
                resourceSpans.message(2) { scopeSpans in
                    scopeSpans.message(1) { scope in scope.text(1, "martlet") }
                    for span in service.spans { scopeSpans.message(2) { $0.span(span) } }
                }
                resourceSpans.text(3, SpanAttributeName.schema)
            }
        }
        bytes = request.bytes
    }
}

extension ProtoWriter {
    /// Those of the trace context; that the parent is of another process is not known, so bits 8 and 9 are not set.
    private static func flags(of trace: TraceContext) -> UInt64 { trace.sampled ? 1 : 0 }

    fileprivate mutating func span(_ span: EndedSpan) {
        id(1, span.trace.traceBits.high, span.trace.traceBits.low)
        id(2, span.trace.spanBits)
        text(3, span.trace.state.text)
        if let parent = span.parent { id(4, parent) }
        text(5, span.name)
        number(6, span.kind.rawValue)
        fixed64(7, span.startNanoseconds)
        fixed64(8, span.endNanoseconds)
        for attribute in span.attributes { self.attribute(9, name: attribute.name, attribute.value) }
        number(10, UInt64(span.dropped.attributes))
        for event in span.events {
            message(11) { message in
                message.fixed64(1, event.nanoseconds)
                message.text(2, event.name)
                for attribute in event.attributes { message.attribute(3, name: attribute.name, attribute.value) }
            }
        }
        number(12, UInt64(span.dropped.events))
        for link in span.links {
            message(13) { message in
                message.id(1, link.traceBits.high, link.traceBits.low)
                message.id(2, link.spanBits)
                message.text(3, link.state.text)
                message.fixed32(6, Self.flags(of: link))
            }
        }
        number(14, UInt64(span.dropped.links))
        if span.status != .unset { message(15) { $0.number(3, span.status.rawValue) } }
        fixed32(16, Self.flags(of: span.trace))
    }

    /// A `KeyValue`.
    fileprivate mutating func attribute(_ field: UInt64, name: String, _ value: SpanAttribute) {
        message(field) { pair in
            pair.text(1, name)
            pair.message(2) { $0.value(value) }
        }
    }

    /// An `AnyValue`.
    private mutating func value(_ value: SpanAttribute) {
        switch value {
        case .string(let text): chosen(1, text)
        case .bool(let flag): chosen(2, UInt64(flag ? 1 : 0))
        case .int32(let number): chosen(3, UInt64(bitPattern: Int64(number)))
        case .int64(let number): chosen(3, UInt64(bitPattern: number))
        case .double(let number): chosen(4, number)
        case .stringArray(let texts): values(texts.map { .string($0) })
        case .boolArray(let flags): values(flags.map { .bool($0) })
        case .int32Array(let numbers): values(numbers.map { .int32($0) })
        case .int64Array(let numbers): values(numbers.map { .int64($0) })
        case .doubleArray(let numbers): values(numbers.map { .double($0) })
        case .stringConvertible(let value): chosen(1, "\(value)")
        case .stringConvertibleArray(let values): self.values(values.map { .string("\($0)") })
        default: break  // A kind that swift-distributed-tracing adds later.
        }
    }

    /// An `ArrayValue`.
    private mutating func values(_ values: [SpanAttribute]) {
        message(5) { array in
            for value in values { array.message(1) { $0.value(value) } }
        }
    }
}
