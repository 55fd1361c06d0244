import MartletContract
import MartletCore
import SwiftProtobuf

/// A minimal protobuf message of a contract.
struct Note: ContractMessage, Hashable {
    static let protoMessageName = "test.Note"
    static let shape = MessageShape("test.Note", [FieldShape("text", .string)])

    var text = ""
    var unknownFields = UnknownStorage()

    init() {}
    init(_ text: String) { self.text = text }

    func check(_ violations: inout [FieldViolation], at path: String) {}

    func write(to json: inout JSONWriter) { json.text("text", text) }

    mutating func decodeMessage<D: SwiftProtobuf.Decoder>(decoder: inout D) throws {
        while let field = try decoder.nextFieldNumber() {
            if field == 1 { try decoder.decodeSingularStringField(value: &text) }
        }
    }

    func traverse<V: Visitor>(visitor: inout V) throws {
        if !text.isEmpty { try visitor.visitSingularStringField(value: text, fieldNumber: 1) }
        try unknownFields.traverse(visitor: &visitor)
    }

    func isEqualTo(message: any SwiftProtobuf.Message) -> Bool { message as? Note == self }
}
