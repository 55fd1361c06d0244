import MartletContract
import MartletCore
import MartletSQL
import OrdersContract
import SharedContract
import SwiftProtobuf

extension OrdersHandler {
    func getOrder(_ request: GetOrderRequest, _ call: Call) async throws -> GetOrderResponse {
        try await call.read { tx in
            let (order, placed) = try requireVisibleOrder(request.orderID, call, in: tx)
            let text = try orders.cancelText(of: order, in: tx)
            return .with { $0.order = order.message(placed: placed, text: text) }
        }
    }

    func getTimeline(_ request: GetTimelineRequest, _ call: Call) async throws -> GetTimelineResponse {
        try await call.read { tx in
            let (order, _) = try requireVisibleOrder(request.orderID, call, in: tx)
            var entries: [TimelineEntry] = []
            for (index, entry) in try orders.history(request.orderID, in: tx).enumerated() {
                let text = try CustomerTexts.text(entry.event.textID, in: tx)
                entries.append(
                    .with {
                        $0.version = UInt32(index + 1)
                        $0.event = entry.event.name
                        $0.at = Google_Protobuf_Timestamp(entry.at)
                        $0.detail = text ?? entry.event.detail(order.placement.currency)
                    }
                )
            }
            return .with {
                $0.orderID = order.id
                $0.status = order.status.published
                $0.entries = entries
            }
        }
    }

    func listOrders(_ request: ListOrdersRequest, _ call: Call) async throws -> ListOrdersResponse {
        let page = try ListPage(request, size: 20, keys: 2)
        let before = (placed: try page.number(0) ?? .max, orderID: page.after[1])
        let customer = seesAll(call.principal) ? nil : call.principal.subject
        let found = try await call.read(kind: .scan) { tx in
            try OrderSummary.list(
                customerID: customer,
                status: Order.Status(request.status),
                before: before,
                limit: page.limit,
                in: tx
            )
        }
        let (summaries, next) = page.cut(found) { [String($0.placed.microseconds), $0.orderID] }
        return .with {
            $0.orders = summaries.map(\.message)
            if !next.isEmpty { $0.page.nextPageToken = next }
        }
    }

    func getSummary(_ request: GetSummaryRequest, _ call: Call) async throws -> GetSummaryResponse {
        try await call.read(kind: .scan) { tx in
            let rows = try OrderSummary.sums(in: tx)
            let rejections = try OrderSummary.rejections(in: tx)
            return .with { response in
                response.statuses = rows.map { row in
                    .with {
                        $0.status = row.status.published
                        $0.orders = UInt64(row.orders)
                        $0.total = Money(row.total, currency: row.currency)
                    }
                }
                response.sums = Dictionary(grouping: rows) { ExactText($0.currency) }.sorted { $0.key < $1.key }
                    .map { GetSummaryResponse.CurrencySum($0.value, in: $0.key.text) }
                if response.sums.count == 1, let only = response.sums.first {
                    response.captured = only.captured
                    response.refunded = only.refunded
                }
                response.returns = UInt64(rows.reduce(0) { $0 + $1.returns })
                response.openReturns = UInt64(rows.reduce(0) { $0 + $1.openReturns })
                response.rejections = rejections.map { reason, orders in
                    .with {
                        $0.reason = reason
                        $0.orders = UInt64(orders)
                    }
                }
            }
        }
    }
}

extension GetSummaryResponse.CurrencySum {
    fileprivate init(_ rows: [OrderSummary.Sum], in currency: String) {
        self.init()
        self.currency = currency
        orders = UInt64(rows.reduce(0) { $0 + $1.orders })
        total = Money(rows.reduce(0) { $0 + $1.total }, currency: currency)
        captured = Money(rows.reduce(0) { $0 + $1.captured }, currency: currency)
        refunded = Money(rows.reduce(0) { $0 + $1.refunded }, currency: currency)
    }
}
