import MartletCore
import MartletTesting
import Testing

@testable import MartletNATS

@Suite("Calls over a connection of NATS", .timeLimit(.minutes(HangLimit.testMinutes)))
struct NATSCallsTests {
    private let calls = NATSCalls(inbox: "_INBOX.test.1")
    private let start = Moment(nanoseconds: 0)

    private func isUnserved() -> Bool { calls.isUnserved(for: .seconds(10)) }

    @Test("a server does not serve when calls fail for long and none is served between them")
    func unserved() {
        calls.noteServed(false, at: start)
        #expect(!isUnserved())
        calls.noteServed(false, at: start + .seconds(9))
        #expect(!isUnserved())
        calls.noteServed(true, at: start + .seconds(9))
        calls.noteServed(false, at: start + .seconds(20))
        calls.noteServed(false, at: start + .seconds(29))
        #expect(!isUnserved())
        calls.noteServed(false, at: start + .seconds(30))
        #expect(isUnserved())
    }

    @Test("a call that is cancelled states nothing about the server, one without an answer does")
    func cancelled() async {
        let time = ManualTime()
        for isCancelled in [true, false] {
            await #expect(throws: (any Error).self) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await calls.run(1, until: time.now + .seconds(10), time) { _ in } }
                    await time.waitForSleepers()
                    if isCancelled { group.cancelAll() } else { time.advance(by: .seconds(10)) }
                    try await group.next()
                }
            }
            // Ten seconds later another one fails.
            calls.noteServed(false, at: time.now + .seconds(10))
            #expect(isUnserved() == !isCancelled)
            calls.noteServed(true, at: time.now)
        }
    }
}
