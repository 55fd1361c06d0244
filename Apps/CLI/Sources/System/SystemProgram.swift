import Foundation

/// Where the program of a ``SystemCommand`` is, beside the program that runs it.
enum SystemProgram: Equatable {
    case built(path: String)
    /// Missing in the build folder of a source tree, where SwiftPM can build it.
    case buildable(path: String, build: [String])
    case missing(path: String)

    /// - Parameter folder: The folder of the running program, without symbolic links.
    init(_ name: String, in folder: String) {
        let path = "\(folder)/\(name)"
        guard !FileManager.default.isExecutableFile(atPath: path) else {
            self = .built(path: path)
            return
        }
        // A build folder is TREE/.build/TRIPLE/CONFIGURATION.
        let parts = folder.split(separator: "/")
        guard parts.count > 3, parts[parts.count - 3] == ".build", let configuration = parts.last,
            configuration == "release" || configuration == "debug"
        else {
            self = .missing(path: path)
            return
        }
        let tree = "/" + parts.dropLast(3).joined(separator: "/")
        guard FileManager.default.fileExists(atPath: "\(tree)/Package.swift") else {
            self = .missing(path: path)
            return
        }
        let build = ["swift", "build", "--package-path", tree, "-c", String(configuration), "--product", name]
        self = .buildable(path: path, build: build)
    }
}
