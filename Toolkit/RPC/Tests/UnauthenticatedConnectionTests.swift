import MartletCore
import MartletTesting
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletRPC

@Suite("Connection without a token")
struct UnauthenticatedConnectionTests {
    private static let token: [(name: String, value: String)] = [("authorization", "Bearer user")]

    private static func smallBudget(_ change: (inout ListenerLimits) -> Void) -> ListenerBudget {
        var limits = ListenerLimits(connectionsMax: 1, healthConnectionsMax: 1, closingConnectionsMax: 1)
        change(&limits)
        return ListenerBudget(limits)
    }

    @Test("is closed after ten seconds without an accepted token")
    func silent() throws {
        let connection = try EmbeddedConnection(limits: RPCServerLimits())
        _ = try connection.send(Wire.handshake)
        _ = try connection.advance(by: .seconds(9))
        #expect(connection.channel.isActive)
        let frames = try connection.advance(by: .seconds(1))
        #expect(frames.map(\.kind) == [7])
        #expect(!connection.channel.isActive)
    }

    @Test("stays open once a token was accepted, but not with a refused one")
    func token() throws {
        let caller = try EmbeddedConnection(limits: RPCServerLimits())
        let forger = try EmbeddedConnection(limits: RPCServerLimits())
        let answer = try caller.send(Wire.handshake + Wire.wholeCall(1, "Guarded", with: Self.token))
        let refusal = try forger.send(
            Wire.handshake + Wire.wholeCall(1, "Guarded", with: [("authorization", "Bearer forged")])
        )
        _ = try caller.advance(by: .seconds(20))
        _ = try forger.advance(by: .seconds(20))
        #expect(try EmbeddedConnection.fault(of: 1, in: answer) == nil)
        #expect(try EmbeddedConnection.fault(of: 1, in: refusal)?.code == .unauthenticated)
        #expect(caller.channel.isActive)
        #expect(!forger.channel.isActive)
    }

    @Test("stays open while a handler runs that needs no token")
    func running() throws {
        let connection = try EmbeddedConnection(limits: RPCServerLimits())
        _ = try connection.send(Wire.handshake + Wire.wholeCall(1, "Hold"))
        _ = try connection.advance(by: .seconds(20))
        #expect(connection.channel.isActive)
        connection.texts.release.fire()
        let frames = try connection.received()
        #expect(frames.filter { $0.stream == 1 }.map(\.kind) == [1, 0, 1])
        _ = try connection.advance(by: .seconds(10))
        #expect(!connection.channel.isActive)
    }

    @Test("a call without a token ends at its headers; what it sends afterwards is dropped")
    func headers() throws {
        let connection = try EmbeddedConnection()
        let frames = try connection.send(
            Wire.handshake + Wire.frame(1, flags: 4, stream: 1, payload: Wire.block("Guarded"))
        )
        #expect(frames.filter { $0.stream == 1 }.map(\.kind) == [1, 3])
        #expect(try EmbeddedConnection.fault(of: 1, in: frames)?.code == .unauthenticated)
        let late = try connection.send(Wire.frame(0, flags: 0, stream: 1, payload: [0, 0, 0, 0, 9, 1]))
        #expect(late.filter { $0.stream == 1 }.isEmpty)
        #expect(connection.channel.isActive)
    }

    @Test("two tokens are refused")
    func twoTokens() throws {
        let connection = try EmbeddedConnection()
        let frames = try connection.send(Wire.handshake + Wire.wholeCall(1, "Guarded", with: Self.token + Self.token))
        #expect(try EmbeddedConnection.fault(of: 1, in: frames)?.code == .unauthenticated)
    }

    @Test("an idle one is closed for the next; while a caller with a token is served, the next may ask for health only")
    func budget() throws {
        let budget = Self.smallBudget { _ in }
        let first = try EmbeddedConnection(budget: budget)
        _ = try first.send(Wire.handshake + Wire.wholeCall(1, "Hold"))
        let second = try EmbeddedConnection(budget: budget)
        let closed = try first.received()
        #expect(closed.map(\.kind) == [7])
        #expect(!first.channel.isActive)

        _ = try second.send(Wire.handshake + Wire.wholeCall(1, "Hold", with: Self.token))
        let third = try EmbeddedConnection(budget: budget)
        let frames = try third.send(Wire.handshake + Wire.wholeCall(1, "Echo") + Wire.healthCheck(3))
        #expect(second.channel.isActive && third.channel.isActive)
        #expect(try EmbeddedConnection.fault(of: 1, in: frames)?.reason == .overloaded)
        #expect(frames.filter { $0.stream == 3 }.map(\.kind) == [1, 0, 1])
        second.texts.release.fire()
        #expect(try second.received().filter { $0.stream == 1 }.map(\.kind) == [1, 0, 1])
    }

    @Test("a message for which there is no space is refused before it arrives; the next call is served")
    func requestBytes() throws {
        let budget = Self.smallBudget {
            $0.connection = ByteAccount.Limits(bytesMax: 20_000, untrustedBytesMax: 20_000, freeBytes: 0)
        }
        let connection = try EmbeddedConnection(budget: budget)
        // 0x7530 is 30,000.
        let long = Wire.call(1) + Wire.frame(0, flags: 0, stream: 1, payload: [0, 0, 0, 0x75, 0x30, 1])
        var frames = try connection.send(Wire.handshake + long)
        #expect(frames.filter { $0.stream == 1 }.map(\.kind) == [1, 3])
        frames += try connection.send(Wire.wholeCall(3, "Echo"))
        #expect(try EmbeddedConnection.fault(of: 1, in: frames)?.reason == .overloaded)
        #expect(frames.filter { $0.stream == 3 }.map(\.kind) == [1, 0, 1])
        #expect(budget.bytes.held == 0)
    }

    @Test("a response for which there is no space resets its call")
    func responseBytes() throws {
        let budget = Self.smallBudget {
            $0.connection = ByteAccount.Limits(bytesMax: 30_000, untrustedBytesMax: 30_000, freeBytes: 0)
        }
        let connection = try EmbeddedConnection(budget: budget)
        let frames = try connection.send(Wire.handshake + Wire.wholeCall(1, "Long") + Wire.wholeCall(3, "Echo"))
        let reset = frames.filter { $0.stream == 1 }
        #expect(reset.map(\.kind) == [3])
        #expect(reset.first?.payload == [0, 0, 0, 11])
        #expect(frames.filter { $0.stream == 3 }.map(\.kind) == [1, 0, 1])
        #expect(budget.bytes.held == 0)
    }

    @Test("a stream is counted as what it has sent, up to what may wait for the client")
    func stream() throws {
        let budget = Self.smallBudget { $0.connection.freeBytes = 0 }
        let connection = try EmbeddedConnection(budget: budget)
        // A window of 0 for each stream.
        let closed = Wire.frame(4, flags: 0, stream: 0, payload: [0, 4, 0, 0, 0, 0])
        let watches = Wire.healthWatch(1) + Wire.healthWatch(3) + Wire.healthWatch(5)
        let frames = try connection.send(Wire.handshake + closed + watches)
        #expect(frames.count { $0.kind == 1 } == 3)
        // 4 KiB for each call, and its headers.
        #expect(budget.bytes.held < 3 * 5 << 10)
        // 20,000 short messages.
        let count = Array("20000".utf8)
        let many =
            Wire.frame(1, flags: 4, stream: 7, payload: Wire.block("Many"))
            + Wire.frame(0, flags: 1, stream: 7, payload: [0, 0, 0, 0, 7, 0x0A, 5] + count)
        _ = try connection.send(many)
        #expect(30 << 10...85 << 10 ~= budget.bytes.held)
        connection.channel.close(promise: nil)
        _ = try connection.received()
    }

    @Test("one whose client does not read closes when another one needs its bytes")
    func givesWay() throws {
        // One response has space, two have not.
        let budget = Self.smallBudget {
            $0.connectionsMax = 2
            $0.untrustedBytesMax = Texts.floodBytes / 2 * 3
        }
        let time = ManualTime()
        let runtime = Runtime(time: time, seed: 1)
        let first = try EmbeddedConnection(budget: budget, runtime: runtime)
        // A window of 0 for each stream.
        let closed = Wire.frame(4, flags: 0, stream: 0, payload: [0, 4, 0, 0, 0, 0])
        _ = try first.send(Wire.handshake + closed + Wire.wholeCall(1, "Long"))
        let second = try EmbeddedConnection(budget: budget, runtime: runtime)
        let early = try second.send(Wire.handshake + Wire.wholeCall(1, "Long"))
        #expect(early.filter { $0.stream == 1 }.map(\.kind) == [3])
        time.advance(by: budget.limits.stallTime)
        let late = try second.send(Wire.wholeCall(3, "Long"))
        #expect(late.first { $0.stream == 3 }?.kind == 1)
        #expect(try first.received().map(\.kind) == [7])
        #expect(!first.channel.isActive)
    }

    @Test("a response that the client does not read is held until it is")
    func unread() throws {
        let budget = Self.smallBudget { _ in }
        let connection = try EmbeddedConnection(budget: budget)
        // A window of 0 for each stream.
        let closed = Wire.frame(4, flags: 0, stream: 0, payload: [0, 4, 0, 0, 0, 0])
        _ = try connection.send(Wire.handshake + closed + Wire.wholeCall(1, "Long"))
        #expect(budget.bytes.held > Texts.floodBytes / 2)
        _ = try connection.send(Wire.frame(8, flags: 0, stream: 1, payload: [0, 1, 0, 0x20]))
        _ = try connection.send(Wire.frame(8, flags: 0, stream: 0, payload: [0, 1, 0, 0]))
        #expect(budget.bytes.held == 0)
    }
}
