//! Which product takes which route.
//!
//! In: what the caller forces, tuned numbers. Out: [`Products`], by which plans and tasks choose, and which
//! orders weights are packed in. It computes nothing.

use crate::products::Route;
use crate::tuning::GemmRows;

/// When the products of a layer take which route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Products {
    /// At least one each.
    rows: GemmRows,
}

/// A kind of product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// Inputs of a chunk of steps by input weights.
    Inputs,
    /// Hidden states of a step by hidden weights.
    Hidden,
    /// Gate gradients by transposed weights.
    Transposed,
    /// Gate gradients by what the gates read, transposed.
    Gradients,
}

impl Products {
    pub(super) fn new(forced: Option<Route>, tuned: GemmRows) -> Self {
        let rows = match forced {
            None => tuned,
            Some(Route::Panels) => GemmRows::NEVER,
            Some(Route::Gemm) => GemmRows::ALWAYS,
        };
        let GemmRows { inputs, hidden, transposed, gradients } = rows;
        let rows = GemmRows {
            inputs: inputs.max(1),
            hidden: hidden.max(1),
            transposed: transposed.max(1),
            gradients: gradients.max(1),
        };
        Self { rows }
    }

    /// The route of a product of this many rows.
    pub(crate) fn route(&self, product: Product, rows: usize) -> Route {
        if rows >= self.least_rows(product) { Route::Gemm } else { Route::Panels }
    }

    /// Rows from which on a product takes the gemm route.
    pub(crate) fn least_rows(&self, product: Product) -> usize {
        match product {
            Product::Inputs => self.rows.inputs,
            Product::Hidden => self.rows.hidden,
            Product::Transposed => self.rows.transposed,
            Product::Gradients => self.rows.gradients,
        }
    }

    /// Whether there are calls in which the product takes this route, so that weights are packed for it.
    pub(crate) fn may_take(&self, product: Product, route: Route) -> bool {
        match route {
            Route::Panels => self.least_rows(product) > 1,
            Route::Gemm => self.least_rows(product) < usize::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Product, Products};
    use crate::products::Route;
    use crate::tuning::GemmRows;

    #[test]
    fn a_forced_route_is_the_only_one() {
        for forced in Route::ALL {
            let products = Products::new(Some(forced), GemmRows { hidden: 5, ..GemmRows::NEVER });
            for product in
                [Product::Inputs, Product::Hidden, Product::Transposed, Product::Gradients]
            {
                for rows in [1, 4, 5, 1 << 40] {
                    assert_eq!(products.route(product, rows), forced);
                }
                for route in Route::ALL {
                    assert_eq!(products.may_take(product, route), route == forced);
                }
            }
        }
    }

    #[test]
    fn else_the_rows_decide() {
        let tuned = GemmRows { hidden: 5, gradients: 0, ..GemmRows::NEVER };
        let products = Products::new(None, tuned);
        assert_eq!(products.route(Product::Hidden, 4), Route::Panels);
        assert_eq!(products.route(Product::Hidden, 5), Route::Gemm);
        assert_eq!(products.route(Product::Gradients, 1), Route::Gemm);
        for route in Route::ALL {
            assert!(products.may_take(Product::Hidden, route));
            assert_eq!(products.may_take(Product::Inputs, route), route == Route::Panels);
            assert_eq!(products.may_take(Product::Gradients, route), route == Route::Gemm);
        }
    }
}
