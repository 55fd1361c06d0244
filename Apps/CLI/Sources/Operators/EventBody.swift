import CartsContract
import CatalogContract
import Foundation
import InventoryContract
import MartletMessaging
import OrdersContract
import PaymentsContract
import SwiftProtobuf

/// Bodies of published events as people read and write them.
struct EventBody: Sendable {
    private let json: @Sendable ([UInt8]) throws -> String
    private let bytes: @Sendable (String) throws -> [UInt8]

    /// How bodies of `topic` are written; `nil` for a topic that this program does not know.
    init?(topic: String) {
        guard let known = Self.topics[topic] else { return nil }
        self = known
    }

    /// The body as JSON; `nil` when the bytes are not the topic's message.
    func json(_ body: Data) -> String? { try? json(Array(body)) }

    /// - Throws: What the JSON reader finds wrong.
    func bytes(ofJSON text: String) throws -> Data { Data(try bytes(text)) }

    private init<Body: SwiftProtobuf.Message>(_ topic: Topic<Body>) {
        json = { try topic.decode($0).jsonString() }
        bytes = { try topic.encode(try Body(jsonString: $0)) }
    }

    private static let topics: [String: EventBody] = [
        CartsTopics.carts.name: EventBody(CartsTopics.carts),
        CatalogTopics.products.name: EventBody(CatalogTopics.products),
        InventoryTopics.movements.name: EventBody(InventoryTopics.movements),
        OrdersTopics.orders.name: EventBody(OrdersTopics.orders),
        PaymentsTopics.payments.name: EventBody(PaymentsTopics.payments),
    ]
}
