import Testing

@testable import MartletREST

@Suite("A connection")
struct ConnectionStateTests {
    private func head(
        keepsAlive: Bool = true,
        expectsContinue: Bool = false,
        length: Int? = nil
    ) -> ConnectionState.Head {
        ConnectionState.Head(keepsAlive: keepsAlive, isOld: false, expectsContinue: expectsContinue, length: length)
    }

    @Test("goes on after an answer, also to a request whose body nobody read")
    func goesOn() {
        var state = ConnectionState(drainBytesMax: 10)
        #expect(state.head(head(length: 10)).passage == .pass)
        #expect(state.answerBegins()?.closes == false)
        #expect(state.answerEnds().endsInput == false)
        #expect(state.body(10) == .pass)
        #expect(state.end() == .pass)
        #expect(state.head(head()).passage == .pass)
    }

    @Test("is closed when more of such a body comes than is read for nothing")
    func drains() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head())
        #expect(state.body(100) == .pass)
        _ = state.answerBegins()
        _ = state.answerEnds()
        #expect(state.body(10) == .pass)
        #expect(state.body(1) == .close)
    }

    @Test("ends after an answer to a body that is announced to be too long to be read for nothing")
    func announced() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head(length: 11))
        #expect(state.answerBegins()?.closes == true)
        #expect(state.answerEnds().endsInput)
        #expect(state.body(10) == .drop)
        #expect(state.body(1) == .close)
    }

    @Test("ends after the answer to its last request, and takes no further one")
    func last() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head(keepsAlive: false))
        #expect(state.end() == .pass)
        #expect(state.head(head()).passage == .drop)
        #expect(state.end() == .drop)
        #expect(state.answerBegins()?.closes == true)
        #expect(state.answerEnds().endsInput)
    }

    @Test("asks for a body that waits to be asked for, unless it is too long")
    func asks() {
        var state = ConnectionState(drainBytesMax: 10)
        #expect(state.head(head(expectsContinue: true, length: 10)).asksForBody)
        var full = ConnectionState(drainBytesMax: 10)
        #expect(!full.head(head(expectsContinue: true, length: 11)).asksForBody)
        #expect(full.answerBegins()?.closes == true)
    }

    @Test("asks for the body of a later request once the earlier ones are answered")
    func asksInTurn() {
        var state = ConnectionState(drainBytesMax: 10)
        _ = state.head(head())
        _ = state.end()
        #expect(!state.head(head(expectsContinue: true, length: 2)).asksForBody)
        #expect(state.answerBegins()?.closes == false)
        #expect(state.answerEnds().asksForBody)
        #expect(state.body(2) == .pass)
        #expect(state.end() == .pass)
        #expect(state.answerBegins()?.closes == false)
    }
}
