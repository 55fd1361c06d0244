import Foundation
import MartletContract
import MartletCore
import MartletTestContract
import SwiftProtobuf
import Testing

@Suite("Rule check")
struct RuleCheckTests {
    /// Satisfies every rule.
    static let valid = Parcel.with {
        $0.items = [
            Item.with {
                $0.name = "cup"; $0.quantity = 1
            }
        ]
        $0.size = .small
    }

    struct Violation: Sendable, CustomTestStringConvertible {
        let field: String
        let rule: String
        let change: @Sendable (inout Parcel) -> Void

        var testDescription: String { "\(field) \(rule)" }
    }

    static let violations = [
        Violation(field: "items", rule: "is required") { $0.items = [] },
        Violation(field: "items", rule: "must have at most 3 items") {
            $0.items += [$0.items[0], $0.items[0], $0.items[0]]
        },
        Violation(field: "items[0].quantity", rule: "must be 1 to 1000") { $0.items[0].quantity = 0 },
        Violation(field: "items[0].quantity", rule: "must be 1 to 1000") { $0.items[0].quantity = 1001 },
        Violation(field: "items[0].name", rule: "must have at most 20 characters") {
            $0.items[0].name = String(repeating: "é", count: 21)
        },
        Violation(field: "items[0].inner[0].name", rule: "is required") {
            $0.items[0].inner = [Item.with { $0.quantity = 1 }]
        },
        Violation(field: "size", rule: "is required") { $0.size = .unspecified },
        Violation(field: "size", rule: "has no value 9") { $0.size = .UNRECOGNIZED(9) },
        Violation(field: "sizes[1]", rule: "has no value 9") { $0.sizes = [.small, .UNRECOGNIZED(9)] },
        Violation(field: "note", rule: "must not contain the character U+0000") { $0.note = "a\u{0}" },
        Violation(field: "labels[0]", rule: "must not contain the character U+0000") { $0.labels = ["\u{0}"] },
        Violation(field: "note", rule: "must have at least 2 characters") { $0.note = "a" },
        Violation(field: "note", rule: "must have at most 5 characters") { $0.note = "abcdef" },
        Violation(field: "person", rule: "must have at most 10 characters") { $0.person = "Maximilian the first" },
        Violation(field: "machine.name", rule: "is required") { $0.machine = Item.with { $0.quantity = 1 } },
        Violation(field: "seal", rule: "must have at most 4 bytes") { $0.seal = .init([1, 2, 3, 4, 5]) },
        Violation(field: "worth", rule: "must be -5 to 9000000000") { $0.worth = -6 },
        Violation(field: "worth", rule: "must be -5 to 9000000000") { $0.worth = 9_000_000_001 },
        Violation(field: "weight", rule: "must be at most 100") { $0.weight = 100.5 },
        Violation(field: "weight", rule: "must be a finite number") { $0.weight = .nan },
        Violation(field: "labels", rule: "must have at most 2 items") { $0.labels = ["a", "b", "c"] },
        Violation(field: "labels[1]", rule: "must have at most 3 characters") { $0.labels = ["a", "long"] },
    ]

    @Test("accepts a valid message")
    func accepts() throws {
        try Self.valid.checkRules()
    }

    @Test("reports each violation at its field path", arguments: violations)
    func reports(_ violation: Violation) {
        var parcel = Self.valid
        violation.change(&parcel)
        var violations: [FieldViolation] = []
        parcel.check(&violations, at: "")
        #expect(violations == [FieldViolation(field: violation.field, rule: violation.rule)])
    }

    @Test("accepts values at their limits", arguments: [1, 1000] as [UInt32])
    func limits(_ quantity: UInt32) throws {
        var parcel = Self.valid
        parcel.items[0].quantity = quantity
        parcel.worth = -5
        parcel.weight = 100
        parcel.note = "ab"
        parcel.seal = .init([1, 2, 3, 4])
        parcel.labels = ["abc", "def"]
        try parcel.checkRules()
    }

    @Test("accepts absent optional fields")
    func absent() throws {
        var parcel = Self.valid
        parcel.clearNote()
        parcel.person = ""
        try parcel.checkRules()
    }

    @Test("a text may be limited to visible ASCII", arguments: ["a b", "zurück", "r\u{7}", "😀", "\u{7F}"])
    func visibleASCII(_ text: String) {
        var check = RuleCheck(at: "")
        check.text("key", text, rule: FieldRule(visibleASCII: true))
        check.text("other", "!az09~", rule: FieldRule(visibleASCII: true))
        check.text("absent", "", rule: FieldRule(visibleASCII: true))
        check.texts("all", ["a", text], rule: FieldRule(visibleASCII: true))
        #expect(check.violations.map(\.field) == ["key", "all[1]"])
        #expect(check.violations.first?.rule == "must be visible ASCII without spaces")
    }

    @Test("reports at most the limit of violations")
    func many() {
        var check = RuleCheck(at: "all")
        for index in 0..<50 { check.text("field\(index)", "", rule: FieldRule(required: true)) }
        #expect(check.violations.count == RuleCheck.violationsLimit)
        #expect(check.violations.first?.field == "all.field0")
    }
}
