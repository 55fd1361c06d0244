import Testing

@testable import Retail

@Suite("Invoice plan")
struct InvoicesPlanTests {
    private func actions(_ rows: String...) throws -> [PlannedAction] { try InvoicesFixture.plan(rows).actions }

    private func returns(_ plan: InvoicePlan) -> [PlannedReturn] {
        plan.actions.compactMap { if case .orderReturn(let orderReturn) = $0 { orderReturn } else { nil } }
    }

    private func credits(_ plan: InvoicePlan) -> [PlannedCredit] {
        plan.actions.compactMap { if case .credit(let credit) = $0 { credit } else { nil } }
    }

    @Test("classifies each row as exactly one kind")
    func kinds() throws {
        let plan = try InvoicesFixture.plan([
            "1,10001,2,1.0,9", "1,POST,1,18.0,9", "1,10002,1,0.0,9", "1,M,1,0.0,9", "1,10001,-1,0.0,9",
            "2,10001,5,0.0,", "2,DOT,1,0.0,", "3,10003,-4,0.0,", "3,S,-1,0.0,", "C4,10001,-1,1.0,9", "C4,D,-1,5.0,9",
            "C4,10001,1,1.0,9", "A5,B,1,11062.06,", "6,10001,0,1.0,9", "7,10001,1,-1.0,9",
        ])
        #expect(
            plan.figures.rowKinds == [
                "goods_sale": 1, "service_sale": 1, "free_goods": 1, "free_service": 1, "stock_loss": 2,
                "stock_found": 1, "service_note": 2, "cancelled_goods": 1, "cancelled_service": 1, "misplaced": 1,
                "adjustment": 2, "empty": 1,
            ]
        )
        #expect(plan.figures.rows == 15)
        #expect(
            plan.actions.map(\.idempotencyKey) == [
                "order-1", "correction-1-5", "correction-2-1", "correction-3-1", "return-C4-1", "credit-C4",
            ]
        )
        #expect(plan.products.map(\.sku) == ["10001", "10002", "10003"])
        #expect(plan.products.map(\.openingUnits) == [3, 1, 4])
    }

    @Test("codes are case-sensitive; only five digits or DCGS denote goods")
    func codes() throws {
        let plan = try InvoicesFixture.plan([
            "1,10001a,1,1.0,9", "1,10001A,2,1.0,9", "1,1000,1,1.0,9", "1,DCGS3,1,1.0,9",
        ])
        #expect(plan.products.map(\.sku) == ["10001A", "10001a", "DCGS3"])
    }

    @Test("an order keeps its lines and is rounded once, half to even")
    func order() throws {
        let found = try actions("1,10001,3,0.125,9", "1,10001,1,2.0,9", "1,10001,3,0.125,9")
        guard case .order(let order)? = found.first else { Issue.record("no order"); return }
        #expect(order.lines.map(\.quantity) == [3, 1, 3])
        #expect(order.value.rawValue == 2750)
        #expect(order.total == 275)
        #expect(order.customer == "9")
    }

    @Test("returns match the row's price first, then other prices, the newest order first")
    func newest() throws {
        let plan = try InvoicesFixture.plan([
            "1,10001,2,1.0,9", "2,10001,2,2.0,9", "3,10001,2,1.0,9", "C4,10001,-5,1.0,9", "C5,10001,-5,1.0,9",
        ])
        #expect(returns(plan).map(\.order) == ["1", "2", "3", "2"])
        #expect(returns(plan).map { $0.lines.map(\.quantity) } == [[2], [1], [2], [1]])
        #expect(returns(plan).map(\.refund) == [200, 200, 200, 200])
        #expect(returns(plan).map(\.after) == [[0], [1], [2], [1, 4]])
        #expect(credits(plan).map(\.value.rawValue) == [4000])
        #expect(plan.figures.refundedPence == plan.figures.capturedPence)
    }

    @Test("rows of one cancellation that match one order are one return")
    func oneReturn() throws {
        let plan = try InvoicesFixture.plan([
            "1,10001,4,1.0,9", "1,10002,1,5.0,9", "C2,10002,-1,5.0,9", "C2,10001,-1,1.0,9", "C2,10001,-2,1.0,9",
        ])
        #expect(returns(plan).map { $0.lines.map(\.line) } == [[0, 1]])
        #expect(returns(plan).map { $0.lines.map(\.quantity) } == [[3, 1]])
        #expect(plan.figures.skus["10001"] == .init(opening: 4, sold: 4, returned: 3, corrected: 0, onHand: 3))
    }

    @Test("returns match no guest, other customer, later order, free line, or service at another price")
    func unmatched() throws {
        let plan = try InvoicesFixture.plan([
            "1,10001,1,1.0,", "C2,10001,-1,1.0,", "C3,10001,-1,1.0,9", "4,10001,1,1.0,8", "4,10002,1,0.0,9",
            "5,POST,1,18.0,9", "C6,POST,-1,17.0,9", "C7,10002,-1,1.0,9",
        ])
        #expect(returns(plan).isEmpty)
        #expect(credits(plan).map(\.invoice) == ["C2", "C3", "C6", "C7"])
    }

    @Test("refunds carry the rounding remainder: a whole return refunds the whole order")
    func refunds() throws {
        let plan = try InvoicesFixture.plan([
            "1,10001,3,0.005,9", "C2,10001,-1,0.005,9", "C3,10001,-1,0.005,9", "C4,10001,-1,0.005,9",
        ])
        #expect(returns(plan).map(\.refund) == [0, 1, 1])
        #expect(plan.figures.capturedPence == 2)
        #expect(plan.figures.refundedPence == 2)
    }

    @Test("opening stock is scaled exactly and rounded down")
    func scarce() throws {
        #expect(try #require(StockFactor(argument: "0.9")).of(19) == 17)
        #expect(StockFactor.full.of(19) == 19)
        #expect(["", "-1", "1e0", "101", "0.9999"].map { StockFactor(argument: $0) }.allSatisfy { $0 == nil })
    }

    @Test("an invoice with more lines than the order limit is refused")
    func lines() throws {
        let rows = Array(repeating: "1,10001,1,1.0,9", count: PlannedOrder.linesMax)
        #expect(try InvoicesFixture.plan(rows).figures.orderLines == PlannedOrder.linesMax)
        #expect(throws: InvoiceFault.self) { try InvoicesFixture.plan(rows + rows.prefix(1)) }
    }

    @Test("a product has its most frequent priced description as name, and prices by month")
    func products() throws {
        let text = """
            \(InvoiceRow.header)
            1,10001,?,-1,2010-12-01 08:00:00,0.0,,UK
            2,10001,?,-1,2010-12-01 08:00:00,0.0,,UK
            3,10001,RED MUG ,1,2010-12-02 08:00:00,1.0,9,UK
            4,10001,BLUE MUG,1,2010-12-03 08:00:00,1.0,9,UK
            5,10001,RED MUG,1,2010-12-03 08:00:00,9.0,,UK
            6,10001,RED MUG,1,2011-01-03 08:00:00,1.0,9,UK
            7,10001,BLUE MUG,1,2011-02-03 08:00:00,2.0,9,UK
            8,10002,,1,2011-02-03 08:00:00,0.0,,UK
            """
        let plan = try InvoicesFixture.withFile("products.csv", bytes: Array(text.utf8)) { path in
            try InvoicePlan(path: path, first: nil)
        }
        #expect(plan.products.map(\.name) == ["RED MUG", "10002"])
        #expect(plan.products[0].descriptions == 3)
        #expect(plan.products[0].prices.map(\.effective.description) == ["2010-12-01 00:00:00", "2011-02-01 00:00:00"])
        #expect(plan.products[0].prices.map(\.price.rawValue) == [1000, 2000])
        #expect(plan.products[1].prices.isEmpty)
    }
}
