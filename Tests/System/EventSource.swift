import Foundation
import MartletCore
import MartletEventLog
import MartletRPC
import MartletTesting
import OrdersContract
import SwiftProtobuf

/// Publishes events of one key to a running shop's event log as `orders`, whose defect they are.
struct EventSource: Sendable {
    static let topic = "shop.orders.v1.orders"
    /// The service that owns the topic: the log takes its events from no other one.
    private static let service = "orders"
    /// Bytes that are not a protobuf message.
    static let unreadable = Data([0xFF, 0xFF, 0xFF])

    let shop: RunningShop
    let key: String

    /// The event by which an order closes the guest's cart `cart`.
    static func placed(_ key: String, cart: String) throws -> Data {
        try OrderChanged.with {
            $0.orderID = key
            $0.kind = .placed
            $0.cartID = cart
        }.serializedData()
    }

    /// Publishes bodies by their sequence.
    func publish(_ bodies: [Int64: Data]) async throws {
        let (time, token) = (SystemTime(), try token())
        var limits = RPCClientLimits()
        limits.connectTimeout = HangLimit.wait
        limits.keepAlive = HangLimit.wait
        let channel = RPCConnection(
            host: "127.0.0.1",
            port: try shop.grpcPort(of: "eventlogd"),
            limits: limits,
            runtime: .system,
            authorization: { _ in "Bearer \(token)" }
        )
        let request = PublishRequest.with {
            $0.events = bodies.sorted { $0.key < $1.key }.map { sequence, body in
                .with {
                    $0.id = "\(key)-\(sequence)"
                    $0.source = Self.service
                    $0.epoch = 1
                    $0.topic = Self.topic
                    $0.key = key
                    $0.sequence = sequence
                    $0.time = time.date.microseconds
                    $0.body = body
                }
            }
        }
        let context = CallContext(
            deadline: time.now + HangLimit.wait,
            principal: Principal(service: ExactText(Self.service), for: .itself)
        )
        _ = try await EventLogClient(over: channel).publish(request, context: context)
        await channel.close()
    }

    private func token() throws -> String {
        try OperatorCLI(folder: shop.folder).text("token", "--service", Self.service, "--to", "eventlog")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
