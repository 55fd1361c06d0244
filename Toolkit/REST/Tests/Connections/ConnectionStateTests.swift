import Testing

@testable import MartletREST

@Suite("Connection state")
struct ConnectionStateTests {
    private func head(
        keepsAlive: Bool = true,
        expectsContinue: Bool = false,
        length: Int? = nil
    ) -> ConnectionState.Head {
        ConnectionState.Head(keepsAlive: keepsAlive, isHTTP10: false, expectsContinue: expectsContinue, length: length)
    }

    @Test("stays open after a response, also when the request's body was not read")
    func staysOpen() {
        var state = ConnectionState(drainBytesMax: 10)
        #expect(state.head(head(length: 10)).action == .pass)
        #expect(state.responseBegins()?.closes == false)
        #expect(state.responseEnds().endsInput == false)
        #expect(state.body(10) == .pass)
        #expect(state.end() == .pass)
        #expect(state.head(head()).action == .pass)
    }

    @Test("closes when more of an unread body arrives than is drained")
    func drains() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head())
        #expect(state.body(100) == .pass)
        _ = state.responseBegins()
        _ = state.responseEnds()
        #expect(state.body(10) == .pass)
        #expect(state.body(1) == .close)
    }

    @Test("closes after the response when the declared body is too long to drain")
    func declaredLength() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head(length: 11))
        #expect(state.responseBegins()?.closes == true)
        #expect(state.responseEnds().endsInput)
        #expect(state.body(10) == .discard)
        #expect(state.body(1) == .close)
    }

    @Test("closes after the response to the last request, and accepts no further one")
    func last() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head(keepsAlive: false))
        #expect(state.end() == .pass)
        #expect(state.head(head()).action == .discard)
        #expect(state.end() == .discard)
        #expect(state.responseBegins()?.closes == true)
        #expect(state.responseEnds().endsInput)
    }

    @Test("sends 100 Continue for a body that waits for it, unless it is too long")
    func sendsContinue() {
        var state = ConnectionState(drainBytesMax: 10)
        #expect(state.head(head(expectsContinue: true, length: 10)).sendsContinue)
        var full = ConnectionState(drainBytesMax: 10)
        #expect(!full.head(head(expectsContinue: true, length: 11)).sendsContinue)
        #expect(full.responseBegins()?.closes == true)
    }

    @Test("sends 100 Continue for a later request once the earlier ones are responded to")
    func sendsContinueInOrder() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head())
        _ = state.end()
        #expect(!state.head(head(expectsContinue: true, length: 2)).sendsContinue)
        #expect(state.responseBegins()?.closes == false)
        #expect(state.responseEnds().sendsContinue)
        #expect(state.body(2) == .pass)
        #expect(state.end() == .pass)
        #expect(state.responseBegins()?.closes == false)
    }

    @Test("a refused request is answered in its turn, then nothing more")
    func refused() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head())
        _ = state.end()
        #expect(state.refuse(.unreadable) == .answer)
        #expect(state.isEnding)
        #expect(state.handled == 2)
        #expect(state.refuse(.unreadable) == .ignore)
        #expect(state.responseBegins()?.refusal == nil)
        #expect(state.responseEnds().endsInput == false)
        let begun = state.responseBegins()
        #expect(begun?.refusal == .unreadable)
        #expect(begun?.closes == true)
        #expect(state.responseEnds().endsInput)
        #expect(state.responseBegins() == nil)
    }

    @Test("a request whose body is broken gets one response, before or after")
    func broken() {
        var before = ConnectionState(drainBytesMax: 10)
        _ = before.head(head(length: 2))
        #expect(before.refuse(.unreadable) == .fail)
        let begun = before.responseBegins()
        #expect(begun?.refusal == nil)
        #expect(begun?.closes == true)
        #expect(before.responseEnds().endsInput)
        #expect(before.responseBegins() == nil)

        var during = ConnectionState(drainBytesMax: 10)
        _ = during.head(head(length: 2))
        #expect(during.responseBegins()?.closes == false)
        #expect(during.refuse(.unreadable) == .fail)
        #expect(during.responseEnds().endsInput)

        var after = ConnectionState(drainBytesMax: 10)
        _ = after.head(head(length: 2))
        _ = after.responseBegins()
        _ = after.responseEnds()
        #expect(after.refuse(.unreadable) == .end)
        #expect(after.responseBegins() == nil)
    }

    @Test("nothing is accepted after the end of the last request")
    func ending() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head(keepsAlive: false, length: 1))
        #expect(!state.isEnding)
        _ = state.body(1)
        _ = state.end()
        #expect(state.isEnding)
        #expect(state.refuse(.unreadable) == .ignore)
    }

    @Test("a request is handled from its end until the end of its response")
    func handled() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head(length: 2))
        #expect(state.handled == 0)
        _ = state.body(2)
        _ = state.end()
        _ = state.head(head())
        _ = state.end()
        #expect(state.handled == 2)
        _ = state.responseBegins()
        #expect(state.handled == 2)
        _ = state.responseEnds()
        #expect(state.handled == 1)
        _ = state.responseBegins()
        _ = state.responseEnds()
        #expect(state.handled == 0)
    }

    @Test("a request that gets its response before its end is not handled any more")
    func early() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head(length: 2))
        _ = state.responseBegins()
        _ = state.responseEnds()
        _ = state.body(2)
        _ = state.end()
        #expect(state.handled == 0)
    }
}
