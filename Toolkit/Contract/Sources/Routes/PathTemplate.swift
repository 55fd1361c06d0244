import MartletCore

/// The path of an HTTP rule, as in `/v1/parcels/{parcel_id}/items/{item}` or `/v1/links/{code}:disable`.
package struct PathTemplate: Sendable, Hashable {
    enum Segment: Sendable, Hashable {
        case literal(String)
        /// Any single non-empty segment.
        case any
    }

    struct Variable: Sendable, Hashable {
        let name: String
        /// The segments that it matches.
        let segments: Range<Int>
    }

    /// The template as the contract writes it.
    let text: String
    let segments: [Segment]
    let variables: [Variable]
    /// The custom verb after the last segment; empty for none.
    let verb: String

    /// - Throws: `Fault` with `internal` when `text` is not a template: an error in the contract, not in a request.
    package init(_ text: String) throws {
        self.text = text
        guard text.first == "/" else { throw Self.invalid(text) }
        var rest = text.dropFirst()
        var verb = ""
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/"), !rest[colon...].contains("}") {
            verb = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        var segments: [Segment] = []
        var variables: [Variable] = []
        while !rest.isEmpty {
            if rest.first == "{" {
                guard let close = rest.firstIndex(of: "}") else { throw Self.invalid(text) }
                let inside = rest[rest.index(after: rest.startIndex)..<close].split(separator: "=", maxSplits: 1)
                guard let name = inside.first, !name.isEmpty else { throw Self.invalid(text) }
                let first = segments.count
                for piece in (inside.count == 2 ? inside[1] : "*").split(
                    separator: "/",
                    omittingEmptySubsequences: false
                ) {
                    segments.append(try Self.segment(piece, of: text))
                }
                variables.append(Variable(name: String(name), segments: first..<segments.count))
                rest = rest[rest.index(after: close)...]
                guard rest.isEmpty || rest.first == "/" else { throw Self.invalid(text) }
            } else {
                let piece = rest.prefix { $0 != "/" }
                segments.append(try Self.segment(piece, of: text))
                rest = rest.dropFirst(piece.count)
            }
            if rest.first == "/" {
                rest = rest.dropFirst()
                guard !rest.isEmpty else { throw Self.invalid(text) }
            }
        }
        self.segments = segments
        self.variables = variables
        self.verb = verb
    }

    private static func segment(_ piece: Substring, of text: String) throws -> Segment {
        if piece == "*" { return .any }
        guard !piece.isEmpty, !piece.contains("{"), !piece.contains("}"), !piece.contains("*") else {
            throw invalid(text)
        }
        return .literal(String(piece))
    }

    private static func invalid(_ text: String) -> any Error {
        Fault(.internal, .internal, "'\(text)' is not a path template")
    }
}
