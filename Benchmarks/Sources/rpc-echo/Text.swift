import MartletContract
import MartletCore
import SwiftProtobuf

/// A message with one string, used with both RPC implementations.
struct Text: ContractMessage, Equatable {
    static let protoMessageName = "martlet.bench.Text"
    static let shape = MessageShape(protoMessageName, [FieldShape("value", .string)])

    var value = ""
    var unknownFields = UnknownStorage()

    init() {}
    init(_ value: String) { self.value = value }

    func check(_ violations: inout [FieldViolation], at path: String) {}

    func write(to json: inout JSONWriter) { json.text("value", value) }

    mutating func decodeMessage<D: SwiftProtobuf.Decoder>(decoder: inout D) throws {
        while let number = try decoder.nextFieldNumber() {
            if number == 1 { try decoder.decodeSingularStringField(value: &value) }
        }
    }

    func traverse<V: Visitor>(visitor: inout V) throws {
        if !value.isEmpty { try visitor.visitSingularStringField(value: value, fieldNumber: 1) }
        try unknownFields.traverse(visitor: &visitor)
    }

    func isEqualTo(message: any SwiftProtobuf.Message) -> Bool { self == message as? Self }
}
