import MartletContract
import MartletCore
import SwiftProtobuf

/// grpc.health.v1.HealthCheckRequest.
struct HealthCheckRequest: ContractMessage, Equatable {
    static let protoMessageName = "grpc.health.v1.HealthCheckRequest"
    static let shape = MessageShape(protoMessageName, [FieldShape("service", .string)])

    /// The full name of a service; empty for the whole server.
    var service = ""
    var unknownFields = UnknownStorage()

    func check(_ violations: inout [FieldViolation], at path: String) {}

    func write(to json: inout JSONWriter) { json.text("service", service) }

    mutating func decodeMessage<D: SwiftProtobuf.Decoder>(decoder: inout D) throws {
        while let number = try decoder.nextFieldNumber() {
            if number == 1 { try decoder.decodeSingularStringField(value: &service) }
        }
    }

    func traverse<V: Visitor>(visitor: inout V) throws {
        if !service.isEmpty { try visitor.visitSingularStringField(value: service, fieldNumber: 1) }
        try unknownFields.traverse(visitor: &visitor)
    }

    func isEqualTo(message: any SwiftProtobuf.Message) -> Bool { self == message as? Self }
}

/// grpc.health.v1.HealthCheckResponse.
struct HealthCheckResponse: ContractMessage, Equatable {
    static let protoMessageName = "grpc.health.v1.HealthCheckResponse"
    static let shape = MessageShape(protoMessageName, [FieldShape("status", .int32)])

    /// 0 unknown, 1 serving, 2 not serving, 3 unknown service.
    var status: Int32 = 0
    var unknownFields = UnknownStorage()

    func check(_ violations: inout [FieldViolation], at path: String) {}

    func write(to json: inout JSONWriter) { json.number("status", status) }

    mutating func decodeMessage<D: SwiftProtobuf.Decoder>(decoder: inout D) throws {
        while let number = try decoder.nextFieldNumber() {
            if number == 1 { try decoder.decodeSingularInt32Field(value: &status) }
        }
    }

    func traverse<V: Visitor>(visitor: inout V) throws {
        if status != 0 { try visitor.visitSingularInt32Field(value: status, fieldNumber: 1) }
        try unknownFields.traverse(visitor: &visitor)
    }

    func isEqualTo(message: any SwiftProtobuf.Message) -> Bool { self == message as? Self }
}
