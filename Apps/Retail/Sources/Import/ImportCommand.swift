import ArgumentParser
import Console
import Foundation
import MartletCore

extension StockFactor: CustomStringConvertible {
    static let flag = FlagValue.reading("a decimal from 0 to 100 with up to three decimal places") {
        StockFactor(argument: $0)
    }

    /// As written on the command line.
    var description: String { self == .full ? "1" : "\(Double(permille) / 1_000)" }
}

/// `martlet import`.
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Imports a catalogue and its opening stock from a file of invoices.",
        discussion: """
            The file has the form of the public data set "Online Retail" (see Docs/Guides/Orders.md), plain or gzip: \
            one product per stock code, with one name and a price history, and the opening stock that all \
            invoices need. Importing the same file again changes nothing.

            Examples:
              martlet sample --seed 1 --invoices 1000 --output orders.csv
              martlet import orders.csv
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
        help: ArgumentHelp(
            "How much of the opening stock to receive; 0.9 is scarce. (default: 1)",
            valueName: "factor"
        ),
        transform: StockFactor.flag
    )
    var stockFactor = StockFactor.full

    @OptionGroup var shop: ShopOptions

    @Flag(help: "Print the outcome as JSON.")
    var json = false

    struct Report: Encodable {
        let products: Int
        let prices: Int
        let openingUnits: Int
    }

    func run() async throws { try await reporting { try await importCatalogue() } }

    private func importCatalogue() async throws {
        let terminal = Terminal()
        let plan = try InvoicePlan(path: file, first: invoices)
        let bar = ProgressBar("products", terminal: terminal, time: SystemTime())
        let outcome = try await shop.withShop { client in
            try await CatalogImport(plan: plan, factor: stockFactor, shop: client).run { bar.show($0, of: $1) }
        }
        bar.end()
        if json {
            try terminal.json(
                Report(products: outcome.products, prices: outcome.prices, openingUnits: outcome.openingUnits)
            )
        } else {
            terminal.line(
                "imported \(outcome.products) products, \(outcome.prices) prices, \(outcome.openingUnits) units of stock"
            )
        }
    }
}
