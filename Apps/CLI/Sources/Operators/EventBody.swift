import CartsContract
import CatalogContract
import Foundation
import InventoryContract
import MartletMessaging
import OrdersContract
import PaymentsContract
import SwiftProtobuf

/// Converts bodies of published events from and to JSON.
struct EventBody: Sendable {
    private let json: @Sendable ([UInt8]) throws -> String
    private let bytes: @Sendable (String) throws -> [UInt8]

    /// The conversion for `topic`; `nil` for a topic unknown to this program.
    init?(topic: String) {
        guard let known = Self.topics[topic] else { return nil }
        self = known
    }

    /// The body as JSON; `nil` when the bytes are not the topic's protobuf message.
    func json(_ body: Data) -> String? { try? json(Array(body)) }

    /// - Throws: The JSON decoder's error.
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
