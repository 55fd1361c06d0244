import HTTPTypes
import MartletHTTP
import NIOCore
import Testing

@Suite("The body of a response")
struct ResponseBodyTests {
    private struct Gone: Error {}

    /// The pieces of a body.
    private func pieces(of body: ResponseBody) async throws -> [String] {
        var pieces: [String] = []
        try await body.write { pieces.append(String(buffer: $0)) }
        return pieces
    }

    @Test("is passed on piece by piece, without empty ones")
    func written() async throws {
        let body = ResponseBody(length: nil) { writer in
            for text in ["one", "", "two"] { try await writer.write(text.utf8) }
        }
        #expect(try await pieces(of: body) == ["one", "two"])
        #expect(try await pieces(of: ResponseBody("whole".utf8)) == ["whole"])
        #expect(try await pieces(of: ResponseBody()) == [])
    }

    @Test("its writer waits for each piece to be taken, and ends with the client")
    func backPressure() async throws {
        let body = ResponseBody(length: nil) { writer in
            while true { try await writer.write("x".utf8) }
        }
        var taken = 0
        await #expect(throws: Gone.self) {
            try await body.write { _ in
                guard taken < 2 else { throw Gone() }
                taken += 1
            }
        }
        #expect(taken == 2)
    }

    @Test("one with a stated length has exactly so many bytes", arguments: [2, 4])
    func length(_ stated: Int) async throws {
        let body = ResponseBody(length: stated) { writer in try await writer.write("xyz".utf8) }
        let error = await #expect(throws: ResponseBodyLength.self) { _ = try await pieces(of: body) }
        #expect(error?.stated == stated)
    }

    @Test("Content-Length is that of the body, also without it, and missing while it is not known")
    func contentLength() {
        let whole = ServerResponse(status: .ok, body: ResponseBody("yes".utf8))
        #expect(whole.headers[.contentLength] == "3")
        #expect(whole.withoutBody.headers[.contentLength] == "3")
        #expect(whole.withoutBody.body.length == 0)
        let stream = ServerResponse(status: .ok, body: ResponseBody(length: nil) { _ in })
        #expect(stream.headers[.contentLength] == nil)
    }
}
