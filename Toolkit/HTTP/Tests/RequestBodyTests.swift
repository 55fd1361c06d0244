import MartletHTTP
import NIOCore
import Synchronization
import Testing

@Suite("The body of a request")
struct RequestBodyTests {
    /// Counts how many of its pieces are asked for.
    private final class Pieces: AsyncSequence, Sendable {
        let asked = Mutex(0)

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pieces: self) }

        struct AsyncIterator: AsyncIteratorProtocol {
            let pieces: Pieces

            mutating func next() async throws -> ByteBuffer? {
                let number = pieces.asked.withLock { asked in
                    asked += 1
                    return asked
                }
                return number <= 3 ? ByteBuffer(bytes: [UInt8(number)]) : nil
            }
        }
    }

    @Test("its reader asks for one piece after another: nothing is read ahead")
    func pieces() async throws {
        let pieces = Pieces()
        var reader = RequestBody(pieces: pieces).makeAsyncIterator()
        #expect(pieces.asked.withLock { $0 } == 0)
        for number in 1...3 {
            let piece = try await reader.next()
            #expect(piece == [UInt8(number)])
            #expect(pieces.asked.withLock { $0 } == number)
        }
        for _ in 0..<2 {
            let end = try await reader.next()
            #expect(end == nil)
        }
        #expect(pieces.asked.withLock { $0 } == 4)
    }

    @Test("a second reader gets an error, and takes no piece of the first one")
    func twice() async throws {
        let pieces = Pieces()
        let body = RequestBody(pieces: pieces)
        var first = body.makeAsyncIterator()
        var second = body.makeAsyncIterator()
        await #expect(throws: RequestBodyTaken.self) { _ = try await second.next() }
        let piece = try await first.next()
        #expect(piece == [1])
    }

    @Test("one that is known as a whole is one piece")
    func whole() async throws {
        var pieces: [[UInt8]] = []
        for try await piece in RequestBody("yes".utf8) { pieces.append(piece) }
        #expect(pieces == [Array("yes".utf8)])
    }
}
