import Console
import MartletCore
import MartletMessaging

/// A whole replay: import, send, wait until the shop is quiescent, compare.
struct Replay: Sendable {
    static let pollInterval = Duration.milliseconds(250)

    let plan: InvoicePlan
    let figures: InvoiceFigures
    /// The origin of the figures.
    let figuresOrigin: String
    let factor: StockFactor
    let concurrency: Int
    /// How long to wait until the shop is quiescent.
    let quiescenceTimeout: Duration
    let shop: ShopClient
    let internalState: InternalState
    let terminal: Terminal
    let time: any TimeSource

    func run() async throws -> ReplayReport {
        let products = ProgressBar("products", terminal: terminal, time: time)
        _ = try await CatalogImport(plan: plan, factor: factor, shop: shop).run { products.show($0, of: $1) }
        products.end()
        let before = try await ShopView.quiescence(shop).terminal
        let tally = ReplayTally()
        let started = time.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await showProgress(tally) }
            try await ReplayRun(plan: plan, shop: shop, concurrency: concurrency, tally: tally, time: time).run()
            group.cancelAll()
        }
        let sent = time.now - started
        let isQuiescent = try await waitUntilQuiescent()
        let total = time.now - started
        let view = try await ShopView(
            shop,
            known: Set(plan.actions.compactMap { $0.reference.map(ExactText.init(_:)) })
        )
        var reconciliation = Reconciliation(
            plan,
            figures: figures,
            shop: view,
            isScarce: factor.permille < StockFactor.full.permille
        )
        reconciliation.check("the shop became quiescent in time", expected: true, found: isQuiescent)
        if let snapshot = try await internalState.snapshot() {
            reconciliation.compare(snapshot)
        } else {
            reconciliation.remark(
                "\(internalState.path) is not a data folder of this shop: topics and workflows were not compared"
            )
        }
        let after = try await ShopView.quiescence(shop).terminal
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

    /// Draws until it is cancelled.
    private func showProgress(_ tally: ReplayTally) async throws {
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

    /// - Returns: False when the shop was not quiescent after ``quiescenceTimeout``.
    private func waitUntilQuiescent() async throws -> Bool {
        let deadline = time.now + quiescenceTimeout
        while time.now < deadline {
            if try await ShopView.quiescence(shop).isQuiescent, try await internalState.isQuiescent() { return true }
            try await time.sleep(for: Self.pollInterval)
        }
        return false
    }
}

extension PlannedAction {
    /// The merchant's number of an order.
    var reference: String? { if case .order(let order) = self { order.invoice } else { nil } }
}
