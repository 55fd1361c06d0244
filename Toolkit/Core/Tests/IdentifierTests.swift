import MartletCore
import Testing

/// A clock and an entropy source with fixed values.
struct Fixed: TimeSource, Entropy {
    var now = Moment(nanoseconds: 0)
    var date: Timestamp
    var bits: UInt64

    func sleep(until moment: Moment) async throws {}
    func next() -> UInt64 { bits }
}

@Suite("Identifier")
struct IdentifierTests {
    @Test("is a UUID of version 7 with the variant of RFC 9562")
    func form() {
        let fixed = Fixed(date: Timestamp(microseconds: 1_645_557_742_000_000), bits: .max)
        let identifier = Identifier(time: fixed, entropy: fixed)
        #expect(identifier.description == "017f22e2-79b0-7fff-bfff-ffffffffffff")
    }

    @Test("sorts by its creation millisecond")
    func order() {
        let early = Fixed(date: Timestamp(microseconds: 1_000_000), bits: .max)
        let late = Fixed(date: Timestamp(microseconds: 1_001_000), bits: 0)
        let first = Identifier(time: early, entropy: early)
        let second = Identifier(time: late, entropy: late)
        #expect(first < second)
        #expect(first.description < second.description)
    }
}
