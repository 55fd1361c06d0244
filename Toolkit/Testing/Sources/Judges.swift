import Foundation

/// Programs of others that judge ours: promtool, grpcio, h2load and the like.
public enum Judges {
    /// Set to `demanded` by `Scripts/test`.
    static let variable = "MARTLET_JUDGES"

    /// True where a judge that is missing fails its tests; otherwise they are skipped.
    public static let areDemanded = ProcessInfo.processInfo.environment[variable] == "demanded"

    /// A program by its name: of the tools that `Scripts/setup` keeps, or on the path; `nil` when it is on neither.
    public static func path(of name: String) -> String? {
        var project = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { project.deleteLastPathComponent() }
        let kept = ["venv/bin", "bin"].map { project.appendingPathComponent(".build-tools/\($0)").path }
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (kept + folders).map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}
