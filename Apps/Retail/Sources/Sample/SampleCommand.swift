import ArgumentParser
import Console
import Foundation
import MartletCore

struct SampleCommand: AsyncParsableCommand {
    /// The interval between two progress lines.
    static let progressInterval: Duration = .milliseconds(200)

    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Writes synthetic invoices in the format of the real ones.",
        discussion: """
            Sales, cancellations, stock corrections, postage and discounts, with the distributions and the \
            irregularities of half a year of a real merchant. Equal seeds give equal bytes. A file whose name ends in \
            .gz is compressed.

            Examples:
              martlet sample --seed 1 --invoices 1500 --output invoices.csv.gz
              martlet sample --seed 7 --invoices 20 | head
            """
    )

    @Option(
        parsing: .unconditional,
        help: "The seed; equal seeds give equal files. (default: 1)",
        transform: FlagValue.wholeNumber(0...UInt64.max)
    )
    var seed: UInt64 = 1

    @Option(
        parsing: .unconditional,
        help: "How many invoices, of every kind: 1 to \(SampleWriter.invoicesMax).",
        transform: FlagValue.wholeNumber(1...SampleWriter.invoicesMax)
    )
    var invoices: Int

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Where to write; - is standard output.", valueName: "file"),
        completion: .file(extensions: ["csv", "gz"])
    )
    var output = "-"

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let time = SystemTime()
            let started = time.now
            var drawn = started
            var bytes = 0
            let target = try SampleTarget(output)
            try SampleWriter(seed: seed, invoices: invoices).write { piece in
                try target.write(piece)
                bytes += piece.count
                if time.now - drawn >= Self.progressInterval {
                    drawn = time.now
                    terminal.progress("\(bytes / 1_048_576) MiB")
                }
            }
            try target.finish()
            let seconds = Double((time.now - started).milliseconds) / 1_000
            if terminal.showsProgress { terminal.progress("") }
            if output != "-" { terminal.note("\(output): \(invoices) invoices, \(bytes) bytes of CSV in \(seconds) s") }
        }
    }
}
