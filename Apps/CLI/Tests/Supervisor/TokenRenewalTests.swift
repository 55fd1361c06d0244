import MartletCore
import Testing

@testable import CLI

@Suite("Renewal of tokens")
struct TokenRenewalTests {
    private let start = Moment(nanoseconds: 1_000_000_000)
    private let date = Timestamp(seconds: 1_767_225_600)
    private var renewal: TokenRenewal { TokenRenewal(writtenAt: start, date: date) }

    @Test(
        "a step of the wall clock makes it due at the next look, in either direction",
        arguments: [-3_600_000, 3_600_000, -1_000, 1_000] as [Int64]
    )
    func steps(milliseconds: Int64) {
        let later = Duration.milliseconds(500)
        #expect(renewal.isDue(at: start + later, date: date + later + .milliseconds(milliseconds)))
    }

    @Test("a clock that is corrected slowly is no step", arguments: [-999, 0, 999] as [Int64])
    func drift(milliseconds: Int64) {
        let later = Duration.seconds(60)
        #expect(!renewal.isDue(at: start + later, date: date + later + .milliseconds(milliseconds)))
    }

    @Test("due long before the tokens end")
    func interval() {
        let before = TokenRenewal.interval - .milliseconds(1)
        #expect(!renewal.isDue(at: start + before, date: date + before))
        #expect(renewal.isDue(at: start + TokenRenewal.interval, date: date + TokenRenewal.interval))
        #expect(TokenRenewal.interval * 2 < Launch.tokenLifetime)
    }

    @Test("a failed renewal is repeated after a pause, also one for a step")
    func failure() {
        var failed = renewal
        failed.failed(at: start)
        #expect(failed.hasFailed)
        let stepped = date + .seconds(3_600)
        #expect(!failed.isDue(at: start + (TokenRenewal.retry - .milliseconds(1)), date: stepped))
        #expect(failed.isDue(at: start + TokenRenewal.retry, date: stepped))
    }
}
