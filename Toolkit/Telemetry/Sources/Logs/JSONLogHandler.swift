package import Logging
package import MartletCore

/// Writes each event as one line of JSON: time, level, service, message, trace, error, metadata by sorted key.
///
/// A line is always valid JSON: values are escaped and truncated before the line is assembled.
package struct JSONLogHandler: LogHandler {
    /// Of one message, error or metadata value, in bytes.
    static let valueBytesLimit = 500
    /// Of one line.
    static let metadataLimit = 24

    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level

    private let service: String
    private let label: String
    private let time: any TimeSource
    private let output: LogOutput

    package init(service: String, label: String, level: Logger.Level, time: any TimeSource, output: LogOutput) {
        self.service = service
        self.label = label
        self.logLevel = level
        self.time = time
        self.output = output
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        output.write(line(for: event))
        // The process is about to end: its last line must not be left to another thread.
        if event.level == .critical { output.flush() }
    }

    func line(for event: LogEvent) -> [UInt8] {
        var line = JSONText()
        line.open()
        line.field("time", time.date.description)
        line.field("level", event.level.rawValue)
        line.field("service", service)
        if !label.isEmpty, label != service { line.field("logger", label) }
        line.field("message", Self.cut(event.message.description))
        if let trace = TraceContext.innermost {
            line.field("trace_id", trace.traceID)
            line.field("span_id", trace.spanID)
        }
        if let error = event.error { line.field("error", Self.cut(String(describing: error))) }
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let given = event.metadata { all.merge(given) { _, new in new } }
        if !all.isEmpty { append(all, to: &line) }
        line.close()
        return line.bytes
    }

    private func append(_ metadata: Logger.Metadata, to line: inout JSONText) {
        line.open("metadata")
        // Leaves space for the rest of the line; JSON escapes may grow a value to six times its bytes.
        let limit = LogOutput.lineBytesLimit - 16
        for (index, (key, value)) in metadata.sorted(by: { $0.key < $1.key }).enumerated() {
            guard index < Self.metadataLimit, line.field(Self.cut(key), Self.cut(value.description), upTo: limit) else {
                line.field("cut", "true")
                break
            }
        }
        line.close()
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > valueBytesLimit else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: valueBytesLimit)
        // Never in the middle of a character.
        while String.Index(end, within: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return String(text.unicodeScalars[..<end]) + "…"
    }
}
