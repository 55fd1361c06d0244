/// An incremental CSV parser (RFC 4180): bytes may arrive in pieces of any size.
///
/// A quoted field may contain commas, line ends and doubled quotes. Lines end in LF or CRLF; empty lines and a leading
/// byte order mark are skipped.
struct CSVRecords {
    /// The maximum size of a record, in bytes of the file: with its commas and quotes, without its line end.
    static let recordBytesMax = 65_536

    /// One record: its fields' bytes, and its first line, from 1.
    struct Record {
        fileprivate(set) var line = 1
        fileprivate(set) var bytes: [UInt8] = []
        fileprivate(set) var ends: [Int] = []

        var count: Int { ends.count }
        /// True without any value: only commas, quotes and spaces, as spreadsheets leave them below a table.
        var isBlank: Bool { bytes.allSatisfy { $0 == UInt8(ascii: " ") } }

        /// The bytes of a field, unquoted; the index is below `count`.
        subscript(field: Int) -> ArraySlice<UInt8> { bytes[(field == 0 ? 0 : ends[field - 1])..<ends[field]] }
    }

    enum Fault: Error, Equatable {
        case recordTooLong(line: Int)
        case quoteInsideField(line: Int)
        case textAfterQuote(line: Int)
        case unclosedQuote(line: Int)
    }

    private enum State {
        /// At the start of a field. Goes to `plain`, `quoted`, or to the next field or record.
        case start
        /// In a field without quotes. Goes to `start`.
        case plain
        /// Between quotes. Goes to `closing` at a quote.
        case quoted
        /// After a quote in a quoted field. Goes to `quoted` at a second quote, to `start` at the field's end.
        case closing
    }

    private var state = State.start
    private var record = Record()
    /// The size of `record` in the file so far.
    private var recordBytes = 0
    private var line = 1
    private var markBytes = 0

    /// Parses the next bytes and passes every complete record to `body`.
    mutating func feed(_ bytes: some Sequence<UInt8>, _ body: (Record) throws -> Void) throws {
        for byte in bytes {
            if line == 1, markBytes < 3, record.bytes.isEmpty, byte == [0xEF, 0xBB, 0xBF][markBytes] {
                markBytes += 1
                continue
            }
            try process(byte, body)
        }
    }

    /// Ends the input; passes the last record to `body` when the file has no final line end.
    mutating func finish(_ body: (Record) throws -> Void) throws {
        if case .quoted = state { throw Fault.unclosedQuote(line: record.line) }
        try endRecord(body)
    }

    private mutating func process(_ byte: UInt8, _ body: (Record) throws -> Void) throws {
        try count(byte)
        switch (state, byte) {
        case (.quoted, UInt8(ascii: "\"")):
            state = .closing
        case (.quoted, _):
            if byte == UInt8(ascii: "\n") { line += 1 }
            record.bytes.append(byte)
        case (.closing, UInt8(ascii: "\"")):
            state = .quoted
            record.bytes.append(byte)
        case (.start, UInt8(ascii: "\"")):
            state = .quoted
        case (_, UInt8(ascii: ",")):
            record.ends.append(record.bytes.count)
            state = .start
        case (_, UInt8(ascii: "\n")):
            line += 1
            try endRecord(body)
        case (_, UInt8(ascii: "\r")):
            break
        case (.closing, _):
            throw Fault.textAfterQuote(line: line)
        case (.plain, UInt8(ascii: "\"")):
            throw Fault.quoteInsideField(line: line)
        default:
            state = .plain
            record.bytes.append(byte)
        }
    }

    /// Counts every byte that makes the record longer, so that neither its fields nor their number grow without a limit.
    private mutating func count(_ byte: UInt8) throws {
        if state != .quoted, byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") { return }
        recordBytes += 1
        guard recordBytes <= Self.recordBytesMax else { throw Fault.recordTooLong(line: record.line) }
    }

    private mutating func endRecord(_ body: (Record) throws -> Void) throws {
        recordBytes = 0
        if case .start = state, record.ends.isEmpty {
            record.line = line
            return
        }
        record.ends.append(record.bytes.count)
        try body(record)
        record.bytes.removeAll(keepingCapacity: true)
        record.ends.removeAll(keepingCapacity: true)
        record.line = line
        state = .start
    }
}
