import MartletCore
import MartletTesting
import Testing

@testable import MartletREST

@Suite("HTTP date")
struct HTTPDateTests {
    @Test(
        "has weekday, day, month, year and time in GMT",
        arguments: [
            (Int64(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (951_868_799, "Tue, 29 Feb 2000 23:59:59 GMT"),
            (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 GMT"),
        ]
    )
    func text(seconds: Int64, text: String) {
        #expect(HTTPDate(Timestamp(seconds: seconds)).description == text)
        #expect(HTTPDate(Timestamp(seconds: seconds) + .microseconds(999_999)).description == text)
    }

    @Test("the header stays the same within a second, and follows the wall clock in both directions")
    func header() {
        let time = ManualTime(date: Timestamp(seconds: 784_111_777))
        let header = DateHeader(time)
        #expect(header.value == "Sun, 06 Nov 1994 08:49:37 GMT")
        time.advance(by: .microseconds(999_999))
        #expect(header.value == "Sun, 06 Nov 1994 08:49:37 GMT")
        time.advance(by: .microseconds(1))
        #expect(header.value == "Sun, 06 Nov 1994 08:49:38 GMT")
        time.jumpDate(by: .seconds(-3_600))
        #expect(header.value == "Sun, 06 Nov 1994 07:49:38 GMT")
    }
}
