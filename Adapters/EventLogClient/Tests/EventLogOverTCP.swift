import Logging
import MartletContract
import MartletCore
import MartletMessaging
import MartletRPC
import MartletTesting

/// An event log's listener and its clients, on a free port.
///
/// The time of deadlines never passes: a slow machine must not end a call.
enum EventLogOverTCP {
    static func server(
        _ contract: ServedContract,
        time: any TimeSource,
        authenticate: @escaping RPCServer.Authenticate
    ) -> RPCServer {
        var limits = RPCServerLimits()
        limits.keepAlive = HangLimit.wait
        return RPCServer(
            contracts: [contract],
            host: "127.0.0.1",
            port: 0,
            limits: limits,
            budget: .process,
            runtime: Runtime(time: time, entropy: SystemEntropy()),
            logger: Logger(label: "test"),
            authenticate: authenticate
        )
    }

    /// - Parameter authorization: The header of a call; `nil` for none.
    static func connection(
        to port: Int,
        time: any TimeSource,
        authorization: @escaping @Sendable () -> String?
    ) -> RPCConnection {
        var limits = RPCClientLimits()
        limits.connectTimeout = HangLimit.wait
        limits.keepAlive = HangLimit.wait
        return RPCConnection(
            host: "127.0.0.1",
            port: port,
            limits: limits,
            runtime: Runtime(time: time, entropy: SystemEntropy()),
            authorization: { _ in authorization() }
        )
    }

    /// The first event of a key, published by the service `test`.
    static let event = Envelope(
        id: "k/1",
        source: "test",
        epoch: 1,
        topic: "things",
        key: "k",
        sequence: 1,
        time: Timestamp(seconds: 1),
        traceparent: nil,
        body: [1]
    )
}
