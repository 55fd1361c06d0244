import Foundation

/// Runs `Scripts/expected-figures`, which knows nothing of the shop but the file.
enum ExpectedFigures {
    /// Looks for the script beside the sources that this program was built from, or where the caller stands.
    static func script() -> String? {
        let name = "Scripts/expected-figures"
        var folders = [FileManager.default.currentDirectoryPath]
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent()
        for _ in 0..<5 {
            folders.append(folder.path)
            folder.deleteLastPathComponent()
        }
        return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// - Throws: ``InvoiceFault`` with what the script said.
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
