import CartsContract
import MartletCore
import SharedContract
import SwiftProtobuf

extension Cart {
    /// Identifies the lines with their present prices; empty when nothing identifies the lines.
    var revisionAsShown: String {
        guard !linesRevision.isEmpty else { return "" }
        var hash = FNV1a()
        for line in lines {
            // Lengths first, so that no other lines give the same words.
            hash.add(UInt64(line.sku.utf8.count))
            hash.add(line.sku)
            hash.add(line.hasUnitPrice ? 1 : 0)
            hash.add(UInt64(line.unitPrice.currency.utf8.count))
            hash.add(line.unitPrice.currency)
            hash.add(UInt64(bitPattern: line.unitPrice.units))
            hash.add(UInt64(bitPattern: Int64(line.unitPrice.nanos)))
        }
        return "\(linesRevision).\(hash.value.hexadecimal)"
    }
}
