import CPostgreSQL
import MartletSQL

/// The values of a statement in PostgreSQL's binary form, so that none is escaped, formatted or parsed.
struct PostgresParameters {
    /// The type of each value; 0 where the server decides.
    private(set) var types: [Oid] = []
    private var bytes: [UInt8] = []
    /// The place of each value in `bytes`; `nil` for NULL.
    private var places: [Range<Int>?] = []

    init(_ values: [SQLValue]) {
        guard !values.isEmpty else { return }
        types.reserveCapacity(values.count)
        places.reserveCapacity(values.count)
        for value in values { append(value) }
    }

    private mutating func append(_ value: SQLValue) {
        types.append(PostgresType.parameter(value.type))
        let start = bytes.count
        switch value {
        case .null:
            places.append(nil)
            return
        case .integer(let number): append(UInt64(bitPattern: number))
        case .real(let number): append(number.bitPattern)
        case .text(let text): bytes.append(contentsOf: text.utf8)
        case .bytes(let value): bytes.append(contentsOf: value)
        }
        places.append(start..<bytes.count)
    }

    private mutating func append(_ word: UInt64) {
        withUnsafeBytes(of: word.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Calls `body` with the number of values, and libpq's arrays of them, of their lengths and of their formats.
    func withPointers<R>(
        _ body: (
            Int32, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?
        ) -> R
    ) -> R {
        guard !places.isEmpty else { return body(0, nil, nil, nil) }
        let formats = [Int32](repeating: 1, count: places.count)
        let lengths = places.map { Int32(clamping: $0?.count ?? 0) }
        // An empty value needs an address, too: without one it is NULL.
        return (bytes.isEmpty ? [0] : bytes).withUnsafeBytes { bytes in
            let start = bytes.assumingMemoryBound(to: CChar.self).baseAddress
            let pointers = places.map { place in place.flatMap { place in start.map { $0 + place.lowerBound } } }
            return pointers.withUnsafeBufferPointer { pointers in
                lengths.withUnsafeBufferPointer { lengths in
                    formats.withUnsafeBufferPointer { formats in
                        body(Int32(places.count), pointers.baseAddress, lengths.baseAddress, formats.baseAddress)
                    }
                }
            }
        }
    }
}
