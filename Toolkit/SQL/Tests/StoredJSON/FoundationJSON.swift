import Foundation
import Testing

@testable import MartletSQL

/// Foundation's coder, with whose texts, values and errors those of `StoredJSON` are compared.
enum FoundationJSON {
    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func value<R: Decodable>(_ type: R.Type, from text: String) throws -> R {
        try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}

/// How values were coded: in one pass, or by Foundation after the pass refused them.
enum OnePass {
    static func writes(_ value: some Encodable) -> Bool {
        let output = JSONOutput()
        return (try? output.encode(value)) != nil && !output.isRefused
    }

    static func reads<R: Decodable>(_ type: R.Type, from text: String) -> Bool {
        guard let input = JSONInput(text) else { return false }
        return (try? input.decode(type, at: 0)) != nil && !input.isRefused
    }
}

/// A value or an error as text.
private func outcome<R>(_ body: () throws -> R) -> (value: R?, error: String?) {
    do { return (try body(), nil) } catch { return (nil, String(reflecting: error)) }
}

/// Expects the bytes that Foundation writes, or its error, and from the text the value that it reads, or its error.
func expectFoundations<R: Codable>(_ value: R, at location: SourceLocation = #_sourceLocation) {
    let expected = outcome { try FoundationJSON.text(value) }
    let text = outcome { try StoredJSON.text(value) }
    #expect(text.value.map { Array($0.utf8) } == expected.value.map { Array($0.utf8) }, sourceLocation: location)
    #expect(text.error == expected.error, sourceLocation: location)
    if let text = expected.value { expectFoundations(R.self, from: text, at: location) }
}

/// Expects the value that Foundation reads, or its error.
///
/// Values are equal when Foundation writes them alike.
func expectFoundations<R: Codable>(
    _ type: R.Type,
    from text: String,
    at location: SourceLocation = #_sourceLocation
) {
    let expected = outcome { try FoundationJSON.value(type, from: text) }
    let value = outcome { try StoredJSON.value(type, from: text) }
    #expect(value.error == expected.error, "\(text)", sourceLocation: location)
    #expect((value.value == nil) == (expected.value == nil), "\(text)", sourceLocation: location)
    guard let read = value.value, let right = expected.value else { return }
    let written = outcome { try FoundationJSON.text(read) }
    let rewritten = outcome { try FoundationJSON.text(right) }
    #expect(written.value == rewritten.value, "\(text)", sourceLocation: location)
    #expect(written.error == rewritten.error, "\(text)", sourceLocation: location)
}
