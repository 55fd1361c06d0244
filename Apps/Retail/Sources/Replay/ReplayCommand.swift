import ArgumentParser
import Console
import Foundation
import MartletCore

/// `martlet replay`.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Sends a file of invoices through the running shop, and reconciles every penny and unit.",
        discussion: """
            Imports the catalogue, then sends one order per sale invoice with its agreed prices, stock corrections as \
            corrections and cancellations as returns against the customer's earlier orders. Afterwards it waits until \
            the shop is quiescent and compares it with figures that Scripts/expected-figures computes from the file \
            alone. Exits with status 1 on any difference, or when an invoice is refused. Replaying the same file again \
            changes nothing.

            Examples:
              martlet sample --seed 1 --invoices 1000 --output orders.csv
              martlet replay orders.csv --concurrency 32
            """
    )

    @Argument(help: "The file of invoices, .csv or .csv.gz.")
    var file: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Use only the first invoices of the file.", valueName: "number"),
        transform: FlagValue.wholeNumber(1...SampleWriter.invoicesMax)
    )
    var invoices: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How many requests are in flight at a time, 1 to 1024. (default: 32)", valueName: "number"),
        transform: FlagValue.wholeNumber(1...1_024)
    )
    var concurrency = 32

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How much of the opening stock to receive; 0.9 is scarce. (default: 1)",
            valueName: "factor"
        ),
        transform: StockFactor.flag
    )
    var stockFactor = StockFactor.full

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "How long to wait at the end until the shop is quiescent. (default: 300)",
            valueName: "seconds"
        ),
        transform: FlagValue.wholeNumber(1...86_400)
    )
    var settle = 300

    @Flag(
        help: "Compare with figures of this program's own, where Scripts/expected-figures or Python is missing."
    )
    var ownFigures = false

    @OptionGroup var shop: ShopOptions

    @Flag(help: "Print the outcome as JSON.")
    var json = false

    func run() async throws { try await reporting { try await send() } }

    private func send() async throws {
        let terminal = Terminal()
        let plan = try InvoicePlan(path: file, first: invoices)
        let (figures, origin) = try expected(plan)
        let report = try await shop.withShop { client in
            try await Replay(
                plan: plan,
                figures: figures,
                figuresOrigin: origin,
                factor: stockFactor,
                concurrency: concurrency,
                quiescenceTimeout: .seconds(Int64(settle)),
                shop: client,
                internalState: InternalState(data: shop.data.folder.path),
                terminal: terminal,
                time: SystemTime()
            ).run()
        }
        if json { try terminal.json(report) } else { report.write(to: terminal) }
        if !report.holds { throw CommandStatus.failed }
    }

    /// The expected figures, and their origin.
    private func expected(_ plan: InvoicePlan) throws -> (InvoiceFigures, origin: String) {
        guard !ownFigures else { return (plan.figures, ReplayReport.ownFigures) }
        let script = try ExpectedFigures.script(above: try Programs.folder())
        return (try ExpectedFigures.run(script, file: file, invoices: invoices), script)
    }
}
