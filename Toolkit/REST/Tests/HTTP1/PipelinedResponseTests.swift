import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletREST

@Suite("Responses to many requests of one connection")
struct PipelinedResponseTests {
    static let requests = 40
    static let bytes = 77_000

    let listener: EmbeddedListener

    init() throws {
        listener = try EmbeddedListener(.standard)
        listener.stopTaking()
        try listener.send(String(repeating: "GET / HTTP/1.1\r\nHost: h\r\n\r\n", count: Self.requests))
    }

    @Test("a client that takes nothing has one response waiting, whatever it sends; it gets all when it takes them")
    func oneAtATime() throws {
        for begun in 1...Self.requests {
            #expect(listener.targets.count == begun)
            listener.respond(bytes: Self.bytes)
            #expect(listener.targets.count == begun)
            #expect(listener.unsentBytes == Self.bytes)
            listener.take()
            #expect(listener.unsentBytes == 0)
        }
        let answers = try listener.received().split(separator: "HTTP/1.1 200 OK\r\n")
        #expect(answers.count == Self.requests)
    }

    @Test("short responses wait up to the limit of the connection's buffer")
    func short() throws {
        for begun in 1...3 {
            #expect(listener.targets.count == begun)
            listener.respond(bytes: 100)
        }
        #expect(listener.targets.count == 4)
        listener.setWritable(false)
        listener.respond(bytes: 100)
        #expect(listener.targets.count == 4)
        listener.setWritable(true)
        #expect(listener.targets.count == 5)
    }

    @Test("no request begins on a connection that is closed while responses wait")
    func closed() throws {
        listener.respond(bytes: Self.bytes)
        _ = try listener.channel.finish(acceptAlreadyClosed: true)
        listener.take()
        #expect(listener.targets.count == 1)
    }
}
