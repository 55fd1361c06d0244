import MartletCore
import MartletMessaging

/// A whole replay: import, send, wait until all is quiet, compare.
struct Replay: Sendable {
    static let quietPause = Duration.milliseconds(250)

    let plan: InvoicePlan
    let figures: InvoiceFigures
    /// Where they come from.
    let figuresOrigin: String
    let factor: StockFactor
    let concurrency: Int
    /// How long to wait until nothing is on its way any more.
    let settle: Duration
    let shop: ShopClient
    let backstage: Backstage
    let terminal: Terminal
    let time: any TimeSource

    func run() async throws -> ReplayReport {
        let products = ProgressBar("products", terminal: terminal, time: time)
        _ = try await CatalogImport(plan: plan, factor: factor, shop: shop).run { products.show($0, of: $1) }
        products.end()
        let before = try await ShopView.isQuiet(shop).terminal
        let tally = ReplayTally()
        let begun = time.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await draw(tally) }
            try await ReplayRun(plan: plan, shop: shop, concurrency: concurrency, tally: tally, time: time).run()
            group.cancelAll()
        }
        let sent = time.now - begun
        let isQuiet = try await waitUntilQuiet()
        let total = time.now - begun
        let view = try await ShopView(shop, known: Set(plan.actions.compactMap(\.reference)))
        var reconciliation = Reconciliation(plan, figures, view, isScarce: factor.permille < StockFactor.full.permille)
        reconciliation.check("everything came to rest in time", expected: true, found: isQuiet)
        if let backstage = try await backstage.look() {
            reconciliation.compare(backstage)
        } else {
            reconciliation.remark(
                "\(backstage.path) is no data folder of this shop: topics and workflows were not compared"
            )
        }
        let after = try await ShopView.isQuiet(shop).terminal
        return ReplayReport(
            counts: tally.counts,
            newOrders: Int(after) - Int(before),
            figuresOrigin: figuresOrigin,
            sent: sent,
            total: total,
            percentiles: tally.acceptMilliseconds(at: [50, 90, 99, 99.9, 100]),
            reconciliation: reconciliation
        )
    }

    /// Until it is cancelled.
    private func draw(_ tally: ReplayTally) async throws {
        let bar = ProgressBar("actions", terminal: terminal, time: time)
        do {
            while true {
                bar.show(tally.counts.ended, of: plan.actions.count)
                try await time.sleep(for: .milliseconds(200))
            }
        } catch is CancellationError {
            bar.show(tally.counts.ended, of: plan.actions.count)
            bar.end()
        }
    }

    /// - Returns: False when something was still on its way after `settle`.
    private func waitUntilQuiet() async throws -> Bool {
        let deadline = time.now + settle
        while time.now < deadline {
            if try await ShopView.isQuiet(shop).quiet, try await backstage.isQuiet() { return true }
            try await time.sleep(for: Self.quietPause)
        }
        return false
    }
}

extension PlannedAction {
    /// The merchant's number of an order.
    var reference: String? { if case .order(let order) = self { order.invoice } else { nil } }
}
