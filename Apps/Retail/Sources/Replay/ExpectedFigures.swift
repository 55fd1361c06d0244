import Console
import Foundation

/// Runs `Scripts/expected-figures`, which computes the expected figures from the file alone.
enum ExpectedFigures {
    /// `.build/<platform>/<configuration>` is three folders deep.
    private static let foldersLimit = 6
    static let name = "Scripts/expected-figures"

    /// Finds the script in the source tree above the folder of a program.
    ///
    /// - Throws: ``CommandFailure`` when it is missing.
    static func script(above programs: String) throws -> String {
        var folder = URL(fileURLWithPath: programs)
        for _ in 0..<foldersLimit {
            let path = folder.appendingPathComponent(name).path
            if FileManager.default.isExecutableFile(atPath: path) { return path }
            folder.deleteLastPathComponent()
        }
        throw CommandFailure(
            "\(name) is not above \(programs), so there are no independent figures to compare with; "
                + "--own-figures uses this program's own instead"
        )
    }

    /// - Throws: ``InvoiceFault`` when the script fails.
    static func run(_ script: String, file: String, invoices: Int?) throws -> InvoiceFigures {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: script)
        process.arguments = [file, "--json"] + (invoices.map { ["--invoices", String($0)] } ?? [])
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw InvoiceFault(
                file: file,
                line: nil,
                column: nil,
                rule: "\(script) ended with \(process.terminationStatus)"
            )
        }
        return try JSONDecoder().decode(InvoiceFigures.self, from: data)
    }
}
