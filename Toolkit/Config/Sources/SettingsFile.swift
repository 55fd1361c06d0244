import Foundation

/// A file of settings: one `name = value` a line, with the names of flags; lines that begin with `#` are comments.
enum SettingsFile {
    static let bytesLimit = 1 << 20

    struct Line {
        /// As in `/etc/links.conf:3`.
        let place: String
        /// The name of a flag without its leading dashes.
        let name: String
        let value: String
    }

    /// A line, or the file, that is not valid.
    struct Invalid {
        let place: String
        let message: String
    }

    /// Reads the file at `path`.
    ///
    /// - Returns: Its lines, and what is wrong with the others.
    static func read(_ path: String) -> (lines: [Line], faults: [Invalid]) {
        let data: Data
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            data = try file.read(upToCount: bytesLimit + 1) ?? Data()
        } catch {
            return ([], [Invalid(place: path, message: "cannot be read")])
        }
        guard data.count <= bytesLimit, let text = String(bytes: data, encoding: .utf8) else {
            return ([], [Invalid(place: path, message: "is not a text of at most \(bytesLimit) bytes")])
        }
        return parse(text, of: path)
    }

    static func parse(_ text: String, of path: String) -> (lines: [Line], faults: [Invalid]) {
        var (lines, faults): ([Line], [Invalid]) = ([], [])
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let (place, line) = ("\(path):\(index + 1)", trimmed(line))
            if line.isEmpty || line.hasPrefix("#") { continue }
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, case let name = trimmed(parts[0]), !name.isEmpty else {
                faults.append(Invalid(place: place, message: "is not a setting; settings look like http-port = 8081"))
                continue
            }
            if lines.contains(where: { $0.name == name }) {
                faults.append(Invalid(place: place, message: "\(name) is given twice"))
            } else {
                lines.append(Line(place: place, name: name, value: trimmed(parts[1])))
            }
        }
        return (lines, faults)
    }

    private static func trimmed(_ text: some StringProtocol) -> String { text.trimmingCharacters(in: .whitespaces) }
}
