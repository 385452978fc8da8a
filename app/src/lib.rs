//! The Vitrine page.
