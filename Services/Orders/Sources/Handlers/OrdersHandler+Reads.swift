import MartletContract
import MartletCore
import MartletSQL
import OrdersContract
import SharedContract
import SwiftProtobuf

extension OrdersHandler {
    func getOrder(_ request: GetOrderRequest, context: CallContext) async throws -> GetOrderResponse {
        try await database.read("get order", deadline: context.deadline) { tx in
            let (order, placed) = try see(request.orderID, context, in: tx)
            return .with { $0.order = order.message(placed: placed) }
        }
    }

    func getTimeline(_ request: GetTimelineRequest, context: CallContext) async throws -> GetTimelineResponse {
        try await database.read("timeline", deadline: context.deadline) { tx in
            let (order, _) = try see(request.orderID, context, in: tx)
            let history = try orders.history(request.orderID, in: tx)
            return .with {
                $0.orderID = order.id
                $0.status = order.status.published
                $0.entries = history.enumerated().map { index, entry in
                    .with {
                        $0.version = UInt32(index + 1)
                        $0.event = entry.event.name
                        $0.at = Google_Protobuf_Timestamp(entry.at)
                        $0.detail = entry.event.detail(order.placement.currency)
                    }
                }
            }
        }
    }

    func listOrders(_ request: ListOrdersRequest, context: CallContext) async throws -> ListOrdersResponse {
        let size = request.pageSize == 0 ? 20 : Int(request.pageSize)
        let token = try PageToken(request.pageToken, parts: 2)
        let before = (placed: Int64(token[0]) ?? .max, orderID: token[1])
        let seesAll = context.principal.scopes.contains(OrdersMethods.placeAgreedOrder.scope)
        let customer = seesAll ? nil : context.principal.subject
        let headlines = try await database.read("list orders", deadline: context.deadline) { tx in
            try Headline.list(
                customerID: customer,
                status: Order.Status(request.status),
                before: before,
                limit: size + 1,
                in: tx
            )
        }
        return .with {
            $0.orders = headlines.prefix(size).map(\.message)
            if headlines.count > size, let last = headlines.prefix(size).last {
                $0.page.nextPageToken = PageToken([String(last.placed.microseconds), last.orderID]).text
            }
        }
    }

    func getSummary(_ request: GetSummaryRequest, context: CallContext) async throws -> GetSummaryResponse {
        try await database.read("summary", deadline: context.deadline) { tx in
            let rows = try tx.run(
                """
                SELECT status, currency, COUNT(*), SUM(total), SUM(captured), SUM(refunded), SUM(returns),
                    SUM(open_returns) FROM order_headlines GROUP BY status, currency ORDER BY status, currency
                """
            )
            return .with { response in
                response.statuses = rows.map { row in
                    .with {
                        $0.status = (Order.Status(rawValue: row.text(0)) ?? .pending).published
                        $0.orders = UInt64(row.int(2))
                        $0.total = Money(row.int64(3), currency: row.text(1))
                    }
                }
                let currency = rows.first?.text(1) ?? ""
                response.captured = Money(rows.reduce(0) { $0 + $1.int64(4) }, currency: currency)
                response.refunded = Money(rows.reduce(0) { $0 + $1.int64(5) }, currency: currency)
                response.returns = UInt64(rows.reduce(0) { $0 + $1.int(6) })
                response.openReturns = UInt64(rows.reduce(0) { $0 + $1.int(7) })
            }
        }
    }
}
