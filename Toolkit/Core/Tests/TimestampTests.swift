import MartletCore
import Testing

@Suite("Timestamp")
struct TimestampTests {
    @Test(
        "writes and reads RFC 3339",
        arguments: [
            ("1970-01-01T00:00:00.000000Z", Int64(0)),
            ("1969-12-31T23:59:59.999999Z", -1),
            ("2000-02-29T12:00:00.500000Z", 951_825_600_500_000),
            ("2038-01-19T03:14:08.000000Z", 2_147_483_648_000_000),
            ("0001-01-01T00:00:00.000000Z", -62_135_596_800_000_000),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ]
    )
    func text(text: String, microseconds: Int64) {
        #expect(Timestamp(microseconds: microseconds).description == text)
        #expect(Timestamp(text)?.microseconds == microseconds)
    }

    @Test("reads fractions of zero to six digits")
    func fractions() {
        #expect(Timestamp("2026-01-02T03:04:05Z") == Timestamp("2026-01-02T03:04:05.000000Z"))
        #expect(Timestamp("2026-01-02T03:04:05.5Z") == Timestamp("2026-01-02T03:04:05.500000Z"))
    }

    @Test(
        "rejects an invalid date or time",
        arguments: [
            "", "2026-01-02", "2026-13-02T03:04:05Z", "2026-01-02T24:04:05Z", "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05.1234567Z", "2026-01-02T03:04:05+01:00",
            "२०२६-01-02T03:04:05Z", "2026-02-29T00:00:00Z", "2026-02-31T00:00:00Z", "2026-04-31T00:00:00Z",
            "2100-02-29T00:00:00Z", "2026-00-10T00:00:00Z", "2026-01-00T00:00:00Z",
        ]
    )
    func refused(text: String) { #expect(Timestamp(text) == nil) }

    @Test("saturates instead of overflowing")
    func saturates() {
        #expect(Timestamp(microseconds: .max) + .seconds(1) == Timestamp(microseconds: .max))
        #expect(Timestamp(microseconds: .min) - .seconds(1) == Timestamp(microseconds: .min))
        #expect(Moment(nanoseconds: .max) + .seconds(1) == Moment(nanoseconds: .max))
    }
}
