import Foundation

@testable import Retail

/// Files and helpers shared by the tests of invoices.
enum InvoicesFixture {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Half a year of real invoices, if present beside the project.
    static let realFile = root.deletingLastPathComponent()
        .appendingPathComponent("shared/data/online-retail-2010-12-to-2011-05.csv.gz").path

    /// A committed file with rows of every kind and with the irregularities of the real ones.
    static let everyKindFile = root.appendingPathComponent("Tests/Invoices/every-kind.csv").path

    static var hasRealFile: Bool { FileManager.default.fileExists(atPath: realFile) }

    /// Runs `body` with a temporary file of that content.
    static func withFile<R>(_ name: String, bytes: [UInt8], _ body: (String) throws -> R) throws -> R {
        // Concurrent tests may use a file of the same name.
        let unique = ProcessInfo.processInfo.globallyUniqueString
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-\(unique)-\(name)")
        try Data(bytes).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }  // A leftover temporary file is harmless.
        return try body(file.path)
    }

    static func sample(seed: UInt64, invoices: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        SampleWriter(seed: seed, invoices: invoices).write { bytes += $0 }
        return bytes
    }

    /// The output of `Scripts/expected-figures` for a file.
    static func expected(_ path: String, invoices: Int?) throws -> InvoiceFigures {
        let script = Process()
        let output = Pipe()
        script.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        script.arguments =
            ["python3", root.appendingPathComponent("Scripts/expected-figures").path, path, "--json"]
            + (invoices.map { ["--invoices", String($0)] } ?? [])
        script.standardOutput = output
        try script.run()
        let json = try output.fileHandleForReading.readToEnd() ?? Data()
        script.waitUntilExit()
        return try JSONDecoder().decode(InvoiceFigures.self, from: json)
    }

    /// A plan from rows in the form `invoice,code,quantity,price,customer`, all on one day.
    static func plan(_ rows: [String]) throws -> InvoicePlan {
        let lines = rows.map { row in
            let field = row.split(separator: ",", omittingEmptySubsequences: false)
            return "\(field[0]),\(field[1]),THING,\(field[2]),2010-12-01 08:26:00,\(field[3]),\(field[4]),France"
        }
        let text = ([InvoiceRow.header] + lines).joined(separator: "\r\n")
        return try withFile("plan.csv", bytes: Array(text.utf8)) { try InvoicePlan(path: $0, first: nil) }
    }
}
