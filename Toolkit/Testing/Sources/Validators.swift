import Foundation

/// External programs that validate ours, such as promtool, grpcio and h2load.
package enum Validators {
    /// Set to `required` by `Scripts/test`.
    static let variable = "MARTLET_VALIDATORS"

    /// True when the tests of a missing validator fail; otherwise they are skipped.
    package static let areRequired = ProcessInfo.processInfo.environment[variable] == "required"

    /// The path of a program installed by `Scripts/setup` or found on `PATH`; `nil` otherwise.
    package static func path(of name: String) -> String? {
        var project = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { project.deleteLastPathComponent() }
        let installed = ["venv/bin", "bin"].map { project.appendingPathComponent(".build-tools/\($0)").path }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (installed + folders).map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
