import MartletCore
import MartletSQL
import Testing

@testable import Orders

/// The JSON of stored events and workflow inputs, as earlier versions wrote it.
@Suite("Stored JSON of orders")
struct StoredJSONTests {
    private static let mugs =
        #"[{"code":"mug","isGoods":true,"name":"A mug","priceNanos":2550000000,"quantity":2}]"#

    private static func placement(
        reference: String? = nil,
        cartID: String? = nil,
        cartRevision: String? = nil,
        cartVersion: Int64? = nil
    ) -> Placement {
        Placement(
            customerID: "alice",
            reference: reference,
            cartID: cartID,
            cartRevision: cartRevision,
            cartVersion: cartVersion,
            currency: "GBP",
            lines: [.mugs],
            totalMinorUnits: 510
        )
    }

    struct Stored: Sendable {
        let event: OrderEvent
        let json: String
    }

    private static let events = [
        Stored(
            event: .placed(placement()),
            json: #"{"placed":{"_0":{"cartID":"","currency":"GBP","customerID":"alice","lines":"# + mugs
                + #","reference":"","totalMinorUnits":510}}}"#
        ),
        Stored(
            event: .placed(placement(reference: "INV-1", cartID: "me", cartRevision: "rev-1")),
            json: #"{"placed":{"_0":{"cartID":"me","cartRevision":"rev-1","currency":"GBP","customerID":"alice","#
                + #""lines":"# + mugs + #","reference":"INV-1","totalMinorUnits":510}}}"#
        ),
        Stored(
            event: .placed(placement(cartID: "me", cartRevision: "rev-1", cartVersion: 7)),
            json: #"{"placed":{"_0":{"cartID":"me","cartRevision":"rev-1","cartVersion":7,"currency":"GBP","#
                + #""customerID":"alice","lines":"# + mugs + #","reference":"","totalMinorUnits":510}}}"#
        ),
        Stored(event: .stockReserved, json: #"{"stockReserved":{}}"#),
        Stored(event: .paymentAuthorised, json: #"{"paymentAuthorised":{}}"#),
        Stored(event: .confirmed, json: #"{"confirmed":{}}"#),
        Stored(event: .cancelRequested(textID: "t1"), json: #"{"cancelRequested":{"textID":"t1"}}"#),
        Stored(event: .cancelRequested(textID: nil), json: #"{"cancelRequested":{}}"#),
        Stored(event: .captureRequested, json: #"{"captureRequested":{}}"#),
        Stored(event: .captured(minorUnits: 510), json: #"{"captured":{"minorUnits":510}}"#),
        Stored(event: .completed, json: #"{"completed":{}}"#),
        Stored(event: .rejected(reason: "payments.declined"), json: #"{"rejected":{"reason":"payments.declined"}}"#),
        Stored(event: .cancelled(textID: "t1"), json: #"{"cancelled":{"textID":"t1"}}"#),
        Stored(event: .cancelled(textID: nil), json: #"{"cancelled":{}}"#),
        Stored(
            event: .returnRequested(
                OrderReturn(
                    id: "r1",
                    items: [
                        ReturnItem(line: 0, code: nil, quantity: 1), ReturnItem(line: nil, code: "mug", quantity: 1),
                    ],
                    lines: [.init(line: 0, quantity: 2)],
                    refundMinorUnits: 510
                )
            ),
            json: #"{"returnRequested":{"_0":{"id":"r1","lines":[{"line":0,"quantity":2}],"refundMinorUnits":510,"#
                + #""wishes":[{"code":"","line":0,"quantity":1},{"code":"mug","quantity":1}]}}}"#
        ),
        Stored(
            event: .returnCompleted(id: "r1", refundMinorUnits: 510),
            json: #"{"returnCompleted":{"id":"r1","refundMinorUnits":510}}"#
        ),
    ]

    @Test("an event is written in this form, and read from it", arguments: events)
    func event(stored: Stored) throws {
        #expect(try StoredJSON.text(stored.event) == stored.json)
        #expect(try StoredJSON.value(OrderEvent.self, from: stored.json) == stored.event)
    }

    @Test("an event with empty texts is the same before and after it is stored")
    func empty() throws {
        let item = ReturnItem(line: 0, code: "", quantity: 1)
        let requested = OrderReturn(id: "r1", items: [item], lines: [], refundMinorUnits: 510)
        for event in [OrderEvent.placed(Self.placement(reference: "", cartID: "")), .returnRequested(requested)] {
            #expect(try StoredJSON.value(OrderEvent.self, from: try StoredJSON.text(event)) == event)
        }
    }

    @Test("the input of a checkout is written in this form, and read from it")
    func checkout() throws {
        let json =
            #"{"currency":"GBP","goods":[{"quantity":2,"sku":"mug"}],"orderID":"o1","paymentMethod":"pm_test_ok","#
            + #""totalMinorUnits":510}"#
        let order = Order(id: "o1", placement: Self.placement())
        #expect(try StoredJSON.text(Checkout.Input(order, paymentMethod: "pm_test_ok")) == json)
        let read = try StoredJSON.value(Checkout.Input.self, from: json)
        #expect(try StoredJSON.text(read) == json)
        #expect(read.runID == "checkout/o1")
    }

    @Test("the input of a return is written in this form, and read from it")
    func returned() throws {
        let json =
            #"{"currency":"GBP","goods":[{"quantity":1,"sku":"mug"}],"orderID":"o1","refundMinorUnits":255,"#
            + #""returnID":"r1"}"#
        let orderReturn = OrderReturn(
            id: "r1",
            items: [],
            lines: [.init(line: 0, quantity: 1)],
            refundMinorUnits: 255
        )
        let order = Order(id: "o1", placement: Self.placement())
        #expect(try StoredJSON.text(ReturnWorkflow.Input(orderReturn, of: order)) == json)
        let read = try StoredJSON.value(ReturnWorkflow.Input.self, from: json)
        #expect(try StoredJSON.text(read) == json)
        #expect(read.runID == "return/o1/r1")
    }
}
